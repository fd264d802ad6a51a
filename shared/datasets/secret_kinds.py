"""Kinds of secrets: for each its name, its marks, its exact shape and its quick one (see scan.py).

Sources: the token formats that AWS, Azure, Google, GitHub, GitLab, Slack, Stripe, OpenAI, Anthropic, Hugging
Face, npm, PyPI, SendGrid, Twilio, Discord, Mailchimp, Square, JFrog and others publish;
microsoft/security-utilities for the marks inside Azure's keys; the plugins and keywords of
Yelp/detect-secrets; RFC 7519; RFC 4716 and PuTTY's manual for their private keys.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """One kind.

    marks: one of them, in lower case, stands in every text that holds one, which saves the slower search.
    exact: on decoded text, the secret itself as "value" or whole; quick: on JSON's bytes. spelt: the marks as
    a pattern, where a secret lies within NEAR characters of its mark: then nothing else need be searched.
    """

    name: str
    marks: str
    exact: str
    quick: bytes
    spelt: str = ""


NEAR = 200
_NAMED = (
    r"(?:(?:api|access|account|auth|client|database|db|encryption|priv|private|secret|service|shared|signing"
    r"|subscription)[_ -]?key"
    r"|secret|password|passwd|pwd|passphrase|(?:database|db|key)[_ -]?pass"
    r"|contrase\u00f1a|contrasena|passwort|kennwort|mot de passe"
    r"|(?:access|api|auth|bearer|bot|refresh|secret|session)[_ -]?token)"
)
# `name: value`, `"name": "value"`, `name => 'value'`, `**name:** value`; then the value.
_GIVEN = rf"(?i:{_NAMED}(?:[\"'`]|\*\*)? ?(?:=>|[:=]{{1,2}})(?:\*\*)? {{0,3}}[\"'`]?)"
_LAST = (
    *("key", "secret", "password", "passwd", "pwd", "passphrase", "token", "pass", "e\u00f1a", "ena"),
    *("wort", "passe"),
)
_THEN = (":", "=", " :", " =", '"', "'", "`", "**")
_MARKS = "|".join(word + sign for word in _LAST for sign in _THEN)
_MARK = rf"(?:{'|'.join(_LAST)})(?: ?[:=]|[\"'`]|\*\*)"
# Each word with each sign after it: rare bytes together, which costs less than common words by themselves.
_SPELT = _MARKS.replace("*", r"\*").replace('"', r'\\"').replace("\u00f1", "(?:\u00f1|\\\\u00f1)").encode()
_GIVEN_QUICK = b"(?i:" + _SPELT + rb")[ :=*\"'\\`>]{0,12}"
RULES = (
    Rule(
        "an AWS access key id",
        "akia|asia|abia|acca|a3t",
        r"\bA(?:KIA|SIA|BIA|CCA|3T[A-Z0-9])[0-9A-Z]{16}\b",
        rb"A(?:KIA|SIA|BIA|CCA|3T[A-Z0-9])[0-9A-Z]{16}",
    ),
    Rule(
        "an Azure storage, Service Bus or Cosmos DB key",
        "accountkey|sharedaccesskey",
        r"(?:Account|SharedAccess)Key ?= ?(?P<value>[A-Za-z0-9+/]{40,100}={0,2})",
        rb"(?:Account|SharedAccess)Key ?=",
    ),
    Rule(
        "an Azure key",
        "+as|+ab|+am|+ae|+ar|+ac|acdb|apim|aiot|azfu|azse|azca|azdo|jqqj99",
        r"[A-Za-z0-9+/_-]{33,80}(?:(?:\+A(?:St|Ba|MC|Sb|Eh|Rm|CR)|ACDb|APIM|AIoT|AzFu|AzSe"
        r"|AzCa)[A-Za-z0-9+/_-]{5,7}=*"
        r"|JQQJ99[A-Za-z0-9]{20,}|AZDO[A-Za-z0-9]{4})(?![A-Za-z0-9+/_-])",
        rb"(?:ACDb|APIM|AIoT|AzFu|AzSe|AzCa|AZDO)[A-Za-z0-9+_\\/-]{4}|JQQJ99",
    ),
    Rule(
        "a shared access signature",
        "sig=",
        r"[?&;]sig=(?P<value>[A-Za-z0-9%+/]{40,}={0,2})",
        rb"[?&;]sig=[A-Za-z0-9%+\\/]{40}",
    ),
    Rule(
        "a Microsoft Entra client secret",
        "q~",
        r"(?<![\w.~-])[\w~.-]{3}[78]Q~[\w~.-]{31,34}(?![\w~-])",
        rb"[78]Q~[A-Za-z0-9_~.-]{31}",
    ),
    Rule(
        "a Google key",
        "aiza|gocspx-|ya29.",
        r"\b(?:AIza[\w-]{35}|GOCSPX-[\w-]{24,}|ya29\.[\w-]{30,})",
        rb"AIza[A-Za-z0-9_-]{35}|GOCSPX-|ya29\.[A-Za-z0-9_-]{8}",
    ),
    Rule(
        "a GitHub token",
        "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{22,255})\b",
        rb"gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]",
    ),
    Rule(
        "a GitLab token",
        "gl|gr1348941",
        r"\b(?:gl(?:pat|dt|rt|ptt|cbt|agent|imt|soat|oas|ft)-|GR1348941)[\w-]{20,}",
        rb"(?:gl(?:pat|dt|rt|ptt|cbt|agent|imt|soat|oas|ft)-|GR1348941)[A-Za-z0-9_-]{20}",
    ),
    Rule(
        "a Slack token",
        "xox|xapp-",
        r"\bx(?:ox[abeoprs]|app)-[A-Za-z0-9-]{10,}",
        rb"x(?:ox[abeoprs]|app)-[A-Za-z0-9-]{10}",
    ),
    Rule(
        "a webhook's address",
        "hooks.slack|api/webhooks",
        r"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{16,}"
        r"|discord(?:app)?\.com/api/webhooks/\d{17,20}/[\w-]{60,}",
        rb"hooks\.slack\.com|discord(?:app)?\.com(?:\\?/)api(?:\\?/)webhooks",
    ),
    Rule(
        "a Stripe key",
        "k_live_|whsec_",
        r"\b(?:[rs]k_live_[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/]{24,})",
        rb"[rs]k_live_[A-Za-z0-9]{20}|whsec_[A-Za-z0-9+\\/]{24}",
    ),
    Rule("an Anthropic key", "sk-ant-", r"\bsk-ant-[\w-]{20,}", rb"sk-ant-[A-Za-z0-9_-]{20}"),
    Rule(
        "an OpenAI key",
        "sk-",
        r"\bsk-(?:(?:proj|svcacct|admin|None|or-v1)-[\w-]{20,}|[A-Za-z0-9]{32,}\b)",
        rb"sk-(?:(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{20}|[A-Za-z0-9]{32})",
    ),
    Rule(
        "a Hugging Face token",
        "hf_|api_org_",
        r"\b(?:hf|api_org)_[A-Za-z]{30,}\b|\bhf_[A-Za-z0-9]{30,}\b",
        rb"(?:hf|api_org)_[A-Za-z0-9]{30}",
    ),
    Rule("an npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b", rb"npm_[A-Za-z0-9]{36}"),
    Rule("a PyPI token", "pypi-", r"\bpypi-AgE[\w-]{40,}", rb"pypi-AgE[A-Za-z0-9_-]{40}"),
    Rule("a SendGrid key", "sg.", r"\bSG\.[\w-]{16,}\.[\w-]{16,}", rb"SG\.[A-Za-z0-9_-]{16}"),
    Rule("a Twilio key", "ac|sk", r"\b(?:AC|SK)[0-9a-f]{32}\b", rb"(?:AC|SK)[0-9a-f]{32}"),
    Rule("a Telegram bot's token", ":aa", r"\b\d{8,10}:AA[\w-]{33}(?![\w-])", rb"[0-9]:AA[A-Za-z0-9_-]{33}"),
    Rule(
        "a service's token",
        "dapi|shp|_v1_|dckr_pat_|-us|sq0|akc|_authtoken",
        r"\b(?:dapi[0-9a-f]{32}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|do[opr]_v1_[0-9a-f]{64}"
        r"|dckr_pat_[\w-]{20,}|[0-9a-f]{32}-us[0-9]{1,2}|sq0(?:csp|atp)-[\w-]{22,43}|AKC[a-zA-Z0-9]{60,70}"
        r"|_authToken ?= ?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b",
        rb"dapi[0-9a-f]{32}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|do[opr]_v1_[0-9a-f]{64}|dckr_pat_[A-Za-z0-9_-]"
        rb"|[0-9a-f]{32}-us[0-9]|sq0(?:csp|atp)-[A-Za-z0-9_-]{22}|AKC[a-zA-Z0-9]{60}|_authToken ?=",
    ),
    Rule(
        "a Discord bot's token",
        ".",
        # The middle is a time; its first letter is one of these for tokens of 2017 and later.
        r"(?<![\w.-])(?P<random>[MNO][A-Za-z\d_-]{23,27}\.[D-HXYZ][A-Za-z\d_-]{5}\.[A-Za-z\d_-]{27,38})(?![\w-])",
        rb"\.[D-HXYZ][A-Za-z0-9_-]{5}\.[A-Za-z0-9_-]{27}",
    ),
    Rule(
        "a private key",
        "private key|private-lines",  # its first line alone is what manuals speak of
        r"(?:-{4,5} ?BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}|Private-Lines: \d{1,3})"
        r"(?:[^-]|-(?!---)){0,300}?(?P<material>[A-Za-z0-9+/]{24,64})",
        rb"PRIVATE KEY(?: BLOCK)? ?----|Private-Lines: [0-9]",
    ),
    Rule(
        "a JSON web token",
        "eyj",
        r"\b(?P<header>eyJ[\w-]{8,500})\.eyJ[\w-]{8,}\.[\w-]{8,}",
        rb"eyJ[A-Za-z0-9_-]{8,500}\.eyJ",
    ),
    Rule(
        "a URL with a password",
        "://",
        r"[A-Za-z]://[\w.%+-]{0,64}:(?P<value>[!#-&(-.0-9;=?A-\[\]^_a-~]{3,64})@[A-Za-z0-9]",
        rb":(?:\\?/){2}[A-Za-z0-9_.%+-]{0,64}:[!#-&(-.0-9;=?A-\[\]^_a-~]{3,64}@",
    ),
    Rule(
        "a password in a connection string",
        "password|pwd",
        r"(?i:\b(?:server|data source|host|user id|uid|user"
        r"|username) ?= ?[^;\"'\n]{1,100};(?:[^\n\"']{0,200};)? ?(?:password|pwd) ?= ?"
        r"(?P<value>[^;\s\"']{4,64}))",
        rb"(?i:; ?(?:password|pwd) ?=)",
    ),
    Rule(
        "a bearer token",
        "bearer ",
        r"(?i:\bbearer )(?P<random>[A-Za-z0-9._~+/-]{20,}=*)",
        rb"(?i:bearer [A-Za-z0-9._~+\\/-]{20})",
    ),
    Rule(
        "a value given to a password, key or token",
        _MARKS,
        _GIVEN + r"(?P<random>[A-Za-z0-9+/=_.~!@#$%^&*-]{10,128})",
        _GIVEN_QUICK + rb"[A-Za-z0-9+/\\=_.~!@#$%^&*-]{10}",
        _MARK,
    ),
)
QUICK = tuple(rule.quick for rule in RULES)
SIGNED_QUICK = rb"\+A(?:St|Ba|MC|Sb|Eh|Rm|CR)"  # the other marks inside Azure's keys
