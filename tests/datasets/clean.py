"""Clean chats: twenty languages, code, figures, addresses of nobody; the same for the same chance.

No fault stands in them, but much that looks like one: numbers that are no telephone's or card's, keys that
are read from elsewhere, tags in code. They hang on nothing outside this folder.
"""

from __future__ import annotations

import base64
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

LINES = Path(__file__).with_name("clean.txt").read_text("utf-8").splitlines()
SENTENCES = [line for line in LINES if not line.startswith("#")]
TOWNS = ("Basel", "Lugano", "Porto", "Gdansk", "Uppsala", "Delft", "Siena", "Toledo", "Graz", "Lviv", "Cork")
LETTERS, HEX, DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789abcdef", "0123456789"
SHARE_OF_CODE, SHARE_OF_IMAGES, SHARE_OF_SYSTEM = 0.2, 0.05, 0.15


def _of(letters: str, count: int) -> Callable[[random.Random], str]:
    return lambda chance: "".join(chance.choices(letters, k=count))


def _price(chance: random.Random) -> str:
    whole, cents = chance.randrange(1, 90_000), chance.randrange(100)
    return chance.choice(
        [f"${whole:,}.{cents:02}", f"{whole} CHF", f"{whole // 1000}.{whole % 1000:03},{cents:02} \u20ac"]
    )


def _ean(chance: random.Random) -> str:
    """Make a GTIN-13 of Germany's, with its check digit: no card number, though some pass Luhn's check."""
    digits = "400" + "".join(chance.choices(DIGITS, k=9))
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-weighed % 10)


FILLS: dict[str, Callable[[random.Random], str]] = {
    "order": lambda chance: chance.choice(["#{:07}", "A-{:06}", "2026-{:07}", "{:010}", "PO{:05}"]).format(
        chance.randrange(99_999)
    ),
    "tracking": lambda chance: "1Z999AA1" + _of(DIGITS, 10)(chance),
    "date": lambda chance: chance.choice(["2026-{1:02}-{0:02}", "{0}.{1}.2026", "{1}/{0}/26"]).format(
        chance.randint(1, 28), chance.randint(1, 12)
    ),
    "time": lambda chance: f"2026-11-{chance.randint(10, 28)}T{chance.randint(10, 23)}:15:22.417Z",
    "clock": lambda chance: f"{chance.randint(7, 22)}:{chance.randint(10, 59)}",
    "price": _price,
    "number": lambda chance: f"{chance.randrange(20, 90_000):,}",
    "small": lambda chance: str(chance.randint(2, 9)),
    "seconds": lambda chance: f"{chance.random() * 90:.3f}",
    "year": lambda chance: str(chance.randint(1850, 2026)),
    "port": lambda chance: str(chance.randint(1024, 9999)),
    "prime": lambda chance: chance.choice(["7919", "104729", "2147483647", "67280421310721"]),
    "version": lambda chance: ".".join(str(chance.randint(0, 30)) for _ in range(3)),
    "url": lambda chance: (
        f"https://{_of(LETTERS, 7)(chance)}.org/{_of(LETTERS, 5)(chance)}/{chance.randint(1, 9999)}"
        f"?page={chance.randint(1, 9)}&sort=date#top"
    ),
    "town": lambda chance: chance.choice(TOWNS),
    "uuid": lambda chance: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
    "short": _of(HEX, 7),
    "sha": _of(HEX, 40),
    "sha64": _of(HEX, 64),
    "isbn": lambda chance: f"{chance.randint(10, 99)}-{chance.randint(100_000, 999_999)}-7",
    "ean": _ean,
}  # fmt: skip
CODE = Path(__file__).with_name("clean_code.txt").read_text("utf-8").rstrip("\n").split("\n\n")


def chat(chance: random.Random, number: int) -> dict[str, Any]:
    """Make one chat of one to three turns; no two ask the same."""
    messages = []
    if chance.random() < SHARE_OF_SYSTEM:
        messages.append({"role": "system", "content": _said(chance, 1)})
    for turn in range(chance.randint(1, 3)):
        asked = _said(chance, chance.randint(1, 2)) + (f" (question {number})" if not turn else "")
        messages.append({"role": "user", "content": asked})
        messages.append({"role": "assistant", "content": _answer(chance)})
    return {"messages": messages}


def _answer(chance: random.Random) -> str:
    parts = [_said(chance, chance.randint(2, 6))]
    if chance.random() < SHARE_OF_CODE:
        parts.append(_filled(chance, chance.choice(CODE)))
    if chance.random() < SHARE_OF_IMAGES:
        image = base64.b64encode(b"\x89PNG\r\n\x1a\n" + chance.randbytes(300)).decode()
        parts.append(f"![plot](data:image/png;base64,{image})")
    chance.shuffle(parts)
    return "\n\n".join(parts)


def _said(chance: random.Random, count: int) -> str:
    return " ".join(_filled(chance, line) for line in chance.sample(SENTENCES, count))


def _filled(chance: random.Random, line: str) -> str:
    return line.format_map(_Fills(chance))


class _Fills(dict[str, str]):
    """A new value each time a name is asked for."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def __missing__(self, name: str) -> str:
        return FILLS[name](self._chance)
