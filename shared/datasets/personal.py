"""Personal data in texts, by patterns that check themselves: Luhn, ISO 13616, the ranges given out.

Sources: ISO/IEC 7812 (card numbers: issuer, length, Luhn), ISO 13616 (IBAN: length by country, modulo 97),
the US Social Security Administration (numbers never given out), RFC 2606 (names for examples), E.164.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CARD = re.compile(
    r"(?<![\w.,-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{5})(?!\w|[.,-]\d)"
)
ISSUER = re.compile(
    r"(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|6(?:011|5\d\d)\d{12}|35\d{14})\Z"
)
EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@(?P<host>(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24})\b"
)
NOBODY = re.compile(
    r"(?i)(?:^|\.)(?:example\.(?:com|org|net)|[\w-]+\.(?:example|test|invalid)|(?:domain|email)\.com)\Z"
)
_OFFICE = r"no-?reply|info|support|contact|hello|help|sales|admin"
_ANYBODY = r"user|name|you|your\w*|first\w*|j(?:oh|a)ne?\.?doe"
ROLE = re.compile(rf"(?i)(?:{_OFFICE}|{_ANYBODY})@")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
IBAN_LENGTHS = {
    "AE": 23, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26,
    "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28,
    "PT": 25, "RO": 24, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "TR": 26, "UA": 29,
}  # fmt: skip
SSN = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
PHONE = re.compile(
    r"(?<![\w+.,/-])(?:\+[1-9]\d{0,2}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}"
    r"|\(\d{3}\) ?\d{3}-\d{4}|\d{3}[-.]\d{3}[-.]\d{4})(?![\w-]|\.\d)"
)
DIGITS = range(9, 16)  # of a telephone number (E.164: at most 15)
FEWEST_DIFFERENT = 4  # digits in a card number: 4444 4444 4444 4448 is nobody's
FICTION = re.compile(r"555[ .-]?01\d\d$")  # numbers kept for films and manuals
SHOWN_SSN = frozenset({"078-05-1120", "219-09-9999", "123-45-6789"})


def personal(text: str) -> Iterator[str]:
    """Say which kinds of personal data a text holds, each once."""
    if any(_is_card(found[0]) for found in CARD.finditer(text)):
        yield "a payment card number"
    if any(_is_person(found) for found in EMAIL.finditer(text)):
        yield "an e-mail address"
    if any(is_iban(found[0]) for found in IBAN.finditer(text)):
        yield "an IBAN"
    if any(found[0] not in SHOWN_SSN for found in SSN.finditer(text)):
        yield "a US social security number"
    if any(_is_phone(found[0]) for found in PHONE.finditer(text)):
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


def _is_card(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    return bool(ISSUER.match(digits)) and luhn(digits) and len(set(digits)) >= FEWEST_DIFFERENT


def _is_person(found: re.Match[str]) -> bool:
    return not NOBODY.search(found["host"]) and not ROLE.match(found[0])


def _is_phone(text: str) -> bool:
    digits = sum(map(str.isdigit, text))
    return digits in DIGITS and not FICTION.search(text)
