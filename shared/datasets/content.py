"""What is wrong in texts. Exact, on decoded messages; scan.py says quickly which lines to bring here.

Each kind of fault has a module of its own, where the exact rules stand beside their quick shapes on JSON's
bytes and their sources are named: markup (DT501, DT506), garbled (DT502, DT505), secrets (DT503), personal
(DT504), answers (DT507, DT508).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.datasets.answers import placeholder, refusal
from shared.datasets.garbled import invisible, mojibake
from shared.datasets.markup import html, token
from shared.datasets.personal import personal
from shared.datasets.secrets import secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shared.datasets.rows import Fault, Message


def look(messages: Sequence[Message], suspected: frozenset[str] | None = None) -> Iterator[Fault]:
    """Look into a chat's texts, for all or some codes; each at most once, with the message it is in."""
    for code, kind in KINDS.items():
        if suspected is None or code in suspected:
            yield from _first(messages, code, kind)


def _first(messages: Sequence[Message], code: str, kind: Callable[[str], str]) -> Iterator[Fault]:
    for place, message in enumerate(messages, 1):
        if code in OF_ANSWERS and message.role != "assistant":
            continue
        if found := kind(message.content):
            yield code, f"{found} in message {place} ({message.role})"
            return


def _secret(text: str) -> str:
    for name, start in secrets(text):
        return f"{name} ({start}\u2026)" if start else name
    return ""


def _personal(text: str) -> str:
    return " and ".join(personal(text))


OF_ANSWERS = frozenset({"DT507", "DT508"})
KINDS: dict[str, Callable[[str], str]] = {
    "DT501": token,
    "DT502": invisible,
    "DT503": _secret,
    "DT504": _personal,
    "DT505": mojibake,
    "DT506": html,
    "DT507": refusal,
    "DT508": placeholder,
}
