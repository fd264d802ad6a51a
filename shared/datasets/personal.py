"""Personal data in texts, by patterns that check themselves: Luhn, ISO 13616, the ranges given out.

Sources: ISO/IEC 7812 (card numbers: issuer, length, Luhn), ISO 13616 (IBAN: length by country, modulo 97),
the US Social Security Administration (numbers never given out), RFC 2606 (names for examples), E.164 and the
North American Numbering Plan (telephone). Offices' and robots' e-mail addresses are nobody's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CARD = re.compile(
    r"(?a)(?<![\w.,+-])(?:\d{14,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5})(?!\w|[.,-]\d)"
)
# None has 13 digits, as Visa's once had: those are GTINs, of which one in ten passes Luhn's check by chance.
# Visa; Mastercard; American Express; Diners Club; Discover; JCB; UnionPay; Maestro.
ISSUER = re.compile(
    r"(?:4(?:\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
    r"|(?:5018|5020|5038|6304|6759|676[1-3])\d{12,15})\Z"
)
EMAIL = re.compile(
    r"(?a)(?<![\w.+%-])(?P<name>[A-Za-z0-9_][\w.+%-]{0,63})@"
    r"(?P<host>(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24})\b(?!\()"
)
NOBODY = re.compile(
    r"(?ai)(?:^|\.)(?:example\.[a-z]{2,3}|(?:domain|email|company|yourdomain|mydomain)\.com"
    r"|[\w-]+\.(?:example|test|invalid|local"
    r"|png|jpe?g|gif|svg|py|js|ts|sh|git))\Z"
)
OFFICE = re.compile(
    r"(?ai)(?:(?:do-?not-?|no-?)reply|mailer-daemon|postmaster|webmaster|info|support|contact|hello|help"
    r"|sales|admin|office"
    r"|user(?:name)?|name|you|your\w*|some(?:one|body)|first\w*|git|j(?:oh|a)ne?\.?doe)(?:[+.-].*)?\Z"
)
IBAN = re.compile(r"(?a)\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29,
    "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26,
    "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
SSN = re.compile(r"(?a)(?<![\w.-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
SHOWN_SSN = frozenset({"078-05-1120", "219-09-9999"})  # printed in advertisements, never valid since
PHONE = re.compile(
    r"(?a)(?<![\w+.,/=-])(?:\+[1-9]\d{0,2}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}"
    r"|(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d([-.]))[2-9]\d\d(?:(?(1)\1|-))\d{4})(?![\w-]|\.\d)"
)
DIGITS = range(9, 16)  # of a telephone number (E.164: at most 15)
FICTION = re.compile(r"555[ .-]?01\d\d\Z")  # numbers kept for films and manuals
# Eleven signs of a number, from digit to digit, and its end: before it may stand the `n` of an escape, or
# other digits. Every form above of cards, social security and national telephone numbers holds one such run.
RUN = re.compile(r"[0-9][0-9 .()-]{9}[0-9](?![0-9A-Za-z])")
NUMBER_QUICK = (
    rb"[0-9][0-9 .()-]{9}[0-9][^0-9A-Za-z]",
    rb"[A-Z][0-9]{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4} ?[A-Z0-9]{3}",
)
SIGNED_QUICK = (
    rb"\+[1-9][0-9 .()-]{8}",
    rb"(?:[^\\]|\\\\)[A-Za-z0-9_.+%-]@[A-Za-z0-9-]{1,63}\.[A-Za-z0-9]",
)


def personal(text: str) -> Iterator[str]:
    """Say which kinds of personal data a text holds, each once."""
    run = RUN.search(text)
    if run and any(_is_card(found[0]) for found in CARD.finditer(text)):
        yield "a payment card number"
    if "@" in text and any(_is_person(found) for found in EMAIL.finditer(text)):
        yield "an e-mail address"
    if any(_begins_with_iban(found[0]) for found in IBAN.finditer(text)):
        yield "an IBAN"
    if run and any(found[0] not in SHOWN_SSN for found in SSN.finditer(text)):
        yield "a US social security number"
    if (run or "+" in text) and any(_is_phone(found[0]) for found in PHONE.finditer(text)):
        yield "a telephone number"


def luhn(digits: str) -> bool:
    """Check a number's last digit (ISO/IEC 7812, annex B)."""
    doubled = "".join(str(2 * int(digit)) for digit in digits[-2::-2])
    return sum(map(int, digits[-1::-2] + doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Check an IBAN's length for its country and its two digits (modulo 97)."""
    packed = text.replace(" ", "")
    if IBAN_LENGTHS.get(packed[:2]) != len(packed):
        return False
    return int("".join(str(int(letter, 36)) for letter in packed[4:] + packed[:4])) % 97 == 1


def _begins_with_iban(text: str) -> bool:
    words = text.split(" ")  # the last may belong to the sentence around
    return any(is_iban("".join(words[:count])) for count in range(1, len(words) + 1))


def _is_card(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    return bool(ISSUER.match(digits)) and luhn(digits)


def _is_person(found: re.Match[str]) -> bool:
    return not NOBODY.search(found["host"]) and not OFFICE.match(found["name"])


def _is_phone(text: str) -> bool:
    digits = sum(map(str.isdigit, text))
    return digits in DIGITS and not FICTION.search(text)
