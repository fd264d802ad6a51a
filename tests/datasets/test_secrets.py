"""Secrets and personal data: each rule finds its own, lets its near miss be, and shows nothing of either."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.datasets.content import look
from shared.datasets.personal import IBAN_LENGTHS, is_iban, luhn, personal
from shared.datasets.rows import Message
from shared.datasets.secret_kinds import RULES, Rule
from shared.datasets.secrets import entropy, secrets

SOME = "aZ3kP9qLmW2xR7tYvB5nC8dF1gH4jK6sQ0eU"  # noise of no service
MORE = SOME[::-1] + SOME
HEX = "9f8a7c6b5d4e3f2a1b0c9d8e7f6a5b4c"
SECRETS = {
    "an AWS access key id": ["AKIAQYLPMN5HFIQR7XYA", "A3TXQ1W2E3R4T5Z6U7I8"],
    "an Azure storage, Service Bus or Cosmos DB key": [f"AccountKey={MORE}{SOME[:12]}/w==",
    f"SharedAccessKey={MORE}="],
    "an Azure key": [f"{MORE}{SOME[:4]}+AStq1w2E3Q==", f"{MORE[:42]}AzSeB1w2E3",
    f"{MORE[:52]}JQQJ99{SOME[:26]}"],
    "a shared access signature": [f"https://x.y/z?sv=2024&sig={MORE[:43]}%3D"],
    "a Microsoft Entra client secret": ["q1w8Q~" + SOME[:34]],
    "a Google key": [f"AIza{SOME[:35]}", f"GOCSPX-{SOME[:28]}"],
    "a GitHub token": [f"ghp_{SOME}", f"github_pat_{SOME}"],
    "a GitLab token": ["glpat-aB3dE6gH9jK2mN5pQ8sT", "GR1348941aB3dE6gH9jK2mN5pQ8sT", f"gloas-{MORE[:64]}"],
    "a Slack token": ["xoxb-204875931760-kQz7Lm2Xw"],
    "a webhook's address": ["https://hooks.slack.com/services/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"],
    "a Stripe key": ["sk_live_aB3dE6gH9jK2mN5pQ8sT"],
    "an Anthropic key": [f"sk-ant-api03-{SOME}"],
    "an OpenAI key": [f"sk-proj-{SOME}", f"sk-{MORE[:48]}"],
    "a Hugging Face token": [f"hf_{SOME[:34]}"],
    "an npm token": [f"npm_{SOME}"],
    "a PyPI token": [f"pypi-AgEIcHlwaS5vcmc{MORE}"],
    "a SendGrid key": [f"SG.{SOME[:22]}.{MORE[:43]}"],
    "a Twilio key": [f"SK{HEX}"],
    "a Telegram bot's token": [f"7204875931:AA{SOME[:33]}"],
    "a service's token": [
        f"dapi{HEX}", f"{HEX}-us12", f"sq0csp-{MORE[:43]}", f"AKC{MORE[:61]}",
        "//registry.npmjs.org/:_authToken=743b294a-cd03-11ec-9d64-0242ac120002",
    ],
    "a private key": [
        f"-----BEGIN RSA PRIVATE KEY-----\nMIIEow{SOME}", f"-----BEGIN OPENSSH PRIVATE KEY-----\\n{SOME}",
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\nlQOYBF{SOME}",
        f"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: 'k'\nP2/56wAAA{SOME}",
        f"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{HEX}\n\n{MORE}",
        f"PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 14\nAAABAQ{SOME}",
    ],
    "a Discord bot's token": [f"MTIz{SOME[:22]}.G8hY2k.{MORE[:38]}"],
    "a JSON web token": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"],
    "a URL with a password": ["postgres://anna:s3cr3tPa55@db.internal/x", "https://u:hunter22@host.de"],
    "a password in a connection string": ["Server=tcp:x.database.windows.net;User=anna;Password=Sommer24;"],
    "a bearer token": [f"Authorization: Bearer {SOME}"],
    "a value given to a password, key or token": [
        'password = "hT7!kq92Lmz#"', '{"api_key": "9f8a7c6b5d4e3f2a1b0c"}', "**API key:** 9f8a7c6b5d4e3f2a",
        "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYz1", "client_secret: 'q1w2e3R4t5z6'",
        ":secret => 'k3jh45qz7mw8'", "contrase\u00f1a: q8w7e6r5t4z3", "db_pass = 'q8w7e6r5t4z3'",
        "Passwort: q8w7e6r5t4z3", "password: aab1c2d3e4",
    ],
}  # fmt: skip
NO_SECRETS = [
    "ghp_short", "Your key: YOUR_API_KEY_HERE_PLEASE", "password: example-password-1", "AKIAIOSFODNN7EXAMPLE",
    "secret = supercalifragilistic", "The password is: correct horse battery", "api_key = 'xxxxxxxxxxxx1'",
    "password=get_password(user)", "sk-learn-is-a-library-for-machine-learning",
    "task-oriented-dialogue-systems-are-good",
    "postgres://user:password@db/x", "https://host:8080/a@b", "https://host/path:colon@x",
    "token: <your-token-1>",
    "-----BEGIN PRIVATE KEY-----\n...\n", "a file that begins with -----BEGIN RSA PRIVATE KEY----- is a key",
    "-----BEGIN PRIVATE KEY-----\nYOUR PRIVATE KEY HERE IN BASE64 AS TOLD\n-----END PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\n" + "x" * 64, "password: ${DB_PASSWORD_1}", "api_key: your-api-key-123",
    "ghp_" + "x" * 36, "sk-your-key-goes-here-1234567890abc", "secret_key = 'fake-key-12345'",
    "password = base64.b16encode(key)", "token: hmac2.sha256digest(", "api_key=load_key_v2_from_store(1)",
    "NotificationServiceProviders.create.somethingAltogetherDifferentThere",
     "eyJub3RoaW5nIjoxfQ.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "key: shared/datasets/scan-2024", "Bearer of good news and of bad ones 1", "secret: ${SECRET_VALUE_1}",
    "password: $DB_PASSWORD_1", "xoxb-your-token-here", "a" * 40, "AKIA" + "A" * 16, "Password=***;",
    "SKeleton",
]  # fmt: skip
PERSONAL = {
    "a payment card number": [
        "Card 4539 1488 0343 6467.", "4539148803436467", "3782-822463-10005", "5555 5555 5555 4444",
        "4111-1111-1111-1111",
    ],
    "an e-mail address": ["Write to anna.kern@gmail.com", "<a_b+c@firma.co.uk>", "x@y1.de."],
    "an IBAN": ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819",
    "AT61 1904 3002 3457 3201 ABCD please", "NO93 8601 1117 947"],
    "a US social security number": ["My number: 536-22-8726"],
    "a telephone number": ["Call +41 44 668 18 00", "(212) 736-5000", "212-736-5000", "+1 (212) 736-5000",
    "1-212-736-5000"],
}  # fmt: skip
NOBODY = [
    "4539 1488 0343 6468", "1234567890123456", "0000 0000 0000 0000", "order 123456789012345678901234",
    "x4539148803436467",
    "0.4539148803436467", "anna@example.com", "a@b.example.org", "x@mail.test", "noreply@firma.de",
    "no-reply@firma.de",
    "support@acme-garden.com", "not an@address", "@app.route('/')", "icon@2x.png", "000-12-3456",
    "666-12-3456",
    "900-12-3456", "536-00-8726", "536-22-0000", "2024-11-24", "2024-11-24 14:12:00", "192.168.10.12",
    "8.8.8.8",
    "DE89 3704 0044 0532 0130 01", "ZZ89 3704 0044 0532 0130 00", "version 3.141.5926", "1-800 tulips",
    "(202) 555-0143",
    "EAN 4006381333931", "GTIN 5018374350014 and 4000417025005",
    "+1", "+ 5 * 3", "1990-1995", "3.14159265358979", "+12.5 %",
]  # fmt: skip


def kinds(text: str) -> set[str]:
    return {name for name, _start in secrets(text)}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in SECRETS.items() for text in texts]
)
def test_a_secret_is_found_and_named(name: str, text: str) -> None:
    assert name in kinds(f"Here: {text} and so on")


@pytest.mark.parametrize(
    "text",
    ["ghp_" + word + SOME[: 36 - len(word)] for word in ("aFAkE9", "qyOUr7", "zXxXx4", "b1234", "1pwd")],
)
def test_four_letters_that_chance_writes_make_no_example_of_a_secret(text: str) -> None:
    assert kinds(text) == {"a GitHub token"}


@pytest.mark.parametrize("after", ["your Acme team", "<br>", "[1]", "...and so on", "\u2026"])
def test_what_follows_a_private_key_does_not_hide_it(after: str) -> None:
    assert "a private key" in kinds(f"-----BEGIN RSA PRIVATE KEY-----\n{MORE[:64]}\n {after}")
    assert kinds(f"-----BEGIN RSA PRIVATE KEY----- {after}") == set()


def test_every_rule_is_tried() -> None:
    assert {rule.name for rule in RULES} == set(SECRETS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_form_of_a_rule_holds_one_of_its_marks(rule: Rule) -> None:
    @given(st.from_regex(re.compile(rule.exact, re.ASCII)))
    @settings(max_examples=100, deadline=None)
    def holds(text: str) -> None:
        assert any(mark in text.lower() for mark in rule.marks.split("|"))
        assert re.search(rule.spelt, text.lower())

    holds()


@pytest.mark.parametrize("text", NO_SECRETS)
def test_placeholders_and_words_are_no_secrets(text: str) -> None:
    assert kinds(text) == set()


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in PERSONAL.items() for text in texts]
)
def test_personal_data_is_found(name: str, text: str) -> None:
    assert name in set(personal(text))


@pytest.mark.parametrize("text", NOBODY)
def test_what_belongs_to_nobody_is_let_be(text: str) -> None:
    assert list(personal(text)) == []


@pytest.mark.parametrize(
    "text", [text for texts in [*SECRETS.values(), *PERSONAL.values()] for text in texts]
)
def test_a_secret_or_a_person_is_never_shown(text: str) -> None:
    found = " ".join(what for _code, what in look([Message("user", text), Message("assistant", "Yes.")]))
    assert not [
        part for part in re.findall(r"[\w@.+/=#!~-]{5,}", text) if re.search(r"\d", part) and part in found
    ]
    assert all(
        text[n : n + 5] not in found for n in range(len(text) - 4) if re.search(r"\d", text[n : n + 5])
    )


def test_what_is_shown_of_a_secret_is_its_rule_and_four_characters() -> None:
    row = [Message("user", "A question?"), Message("user", "AKIAQYLPMN5HFIQR7XYA")]
    assert list(look(row)) == [("DT503", "an AWS access key id (AKIA\u2026) in message 2 (user)")]


@given(st.integers(10**11, 10**18))
def test_luhn_accepts_one_last_digit_in_ten_and_no_single_slip(number: int) -> None:
    [right] = [str(number) + digit for digit in "0123456789" if luhn(str(number) + digit)]
    for place, digit in enumerate(right):
        assert not luhn(right[:place] + str((int(digit) + 1) % 10) + right[place + 1 :])


@given(st.sampled_from(sorted(IBAN_LENGTHS)), st.data())
def test_an_iban_has_one_pair_of_digits_and_one_length(country: str, data: st.DataObject) -> None:
    size = IBAN_LENGTHS[country] - 4
    account = data.draw(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=size, max_size=size))
    right = [pair for pair in range(2, 99) if is_iban(f"{country}{pair:02d}{account}")]
    assert len(right) == 1
    assert not is_iban(f"{country}{right[0]:02d}{account}0")
    assert "an IBAN" in set(personal(f"Pay to {country}{right[0]:02d}{account}, please."))


def test_entropy_tells_words_from_noise() -> None:
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2
    assert entropy(SOME) > 4
    assert entropy("password") < 3


@pytest.mark.parametrize("before", ["", "\u0130" * 250, "x " * 300, "password: " + "y " * 300])
@pytest.mark.parametrize("after", ["", " z" * 300, " z" * 300 + " the key: none"])
@pytest.mark.parametrize(
    "given", ["password: ", "subscription_key => `", "**Contrase\u00f1a:**   ", 'api-key" = "']
)
def test_a_value_is_found_wherever_its_name_stands(before: str, given: str, after: str) -> None:
    value = (SOME + MORE)[:100]
    assert list(secrets(f"{before}{given}{value}{after}")) == [
        ("a value given to a password, key or token", "")
    ]
    assert not list(secrets(f"{before}{given}{after}"))
