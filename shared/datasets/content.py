"""What is wrong in texts. Exact, on decoded messages; scan.py says quickly which lines to bring here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.datasets.personal import personal
from shared.datasets.secrets import secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shared.datasets.rows import Fault, Message

TEMPLATE_TOKEN = re.compile(
    r"<\|[A-Za-z_]{1,30}\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>"
)
# U+200C and U+200D join emoji and letters of scripts that need them: there a letter or sign stands before.
INVISIBLE = re.compile(
    "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
    "|(?<![\u0590-\U0010ffff])[\u200c\u200d]"
)
# What UTF-8's bytes turn into when they are read as Windows-1252 or Latin-1. One pair is proof for Western
# letters and punctuation; other scripts need a run, for a pair alone may be meant: "Spa\u00df\u00ab".
_NEXT = "[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
MOJIBAKE = re.compile(
    f"[\u00c2-\u00c5]{_NEXT}|\u00e2{_NEXT}{{2}}|(?:[\u00ce-\u00df]{_NEXT}){{3,}}|(?:[\u00e0-\u00ef]{_NEXT}{{2}}){{2,}}"
)
CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
TAGS = (
    "a b blockquote body br center div em font form h1 h2 h3 h4 h5 h6 head hr html i iframe img input li "
    "link meta ol option p pre script select small span strong style sub sup table tbody td th thead title "
    "tr u ul"
).replace(" ", "|")
HTML = re.compile(
    rf"(?i)</?(?:{TAGS})(?:\s[^<>]*)?/?>"
    r"|&(?:nbsp|amp|lt|gt|quot|apos|hellip|mdash|ndash|#\d{2,5}|#x[0-9a-f]{2,5});"
)
_SORRY = r"(?:(?:i['\u2019]?m|i am) (?:really |very |so )?sorry,? (?:but )?|i apologi[sz]e,? but )(?:i|as an)"
_CANNOT = r"i (?:can['\u2019]?t|cannot|can not|am unable to|am not able to|won['\u2019]?t)"
_DO = "help|assist|provide|fulfil|comply|do that|create|generate|write|answer|discuss|engage|support"
_MODEL = "as an? (?:ai|artificial intelligence|large language model|language model)"
REFUSAL = re.compile(rf"(?i)\s*(?:{_SORRY}|(?:sorry,? (?:but )?)?{_CANNOT} (?:{_DO})|{_MODEL})\b")
_NOTHING = r"n/?a|todo|tbd|tba|fixme|null|nan|undefined|asdf\w*|lorem ipsum.*|\.{2,}|\u2026"
_INSERT = r"\[?(?:insert|your|enter|add) (?:your |the )?(?:answer|response|text|reply)[\w ]*\]?"
PLACEHOLDER = re.compile(rf"(?is)\s*(?:{_NOTHING}|{_INSERT}|answer(?: goes)? here)\s*[.!]?\s*\Z")


def look(messages: Sequence[Message], suspected: frozenset[str] | None = None) -> Iterator[Fault]:
    """Look into a chat's texts, for all or some codes; each at most once, with the message it is in."""
    for code, kind in KINDS.items():
        if suspected is not None and code not in suspected:
            continue
        for place, message in enumerate(messages, 1):
            if found := kind(message):
                yield code, f"{found} in message {place} ({message.role})"
                break


def _template(message: Message) -> str:
    found = TEMPLATE_TOKEN.search(message.content)
    return repr(found[0]) if found else ""


def _invisible(message: Message) -> str:
    found = INVISIBLE.search(message.content)
    return f"U+{ord(found[0]):04X}" if found else ""


def _secret(message: Message) -> str:
    name, start = next(secrets(message.content), ("", ""))
    return f"{name} ({start}…)" if name else ""


def _personal(message: Message) -> str:
    return " and ".join(personal(message.content))


def _mojibake(message: Message) -> str:
    if "\ufffd" in message.content:
        return "U+FFFD, the mark of a lost character,"
    for found in MOJIBAKE.finditer(message.content):
        if meant := _meant(found[0]):
            return f"{found[0]!r} for {meant!r}"
    return ""


def _meant(text: str) -> str:
    """Undo the wrong decoding; "" where the text was never wrong."""
    for encoding in ("cp1252", "latin-1"):
        try:
            return text.encode(encoding).decode()
        except UnicodeError:
            continue
    return ""


def _html(message: Message) -> str:
    if "<" not in message.content and "&" not in message.content:
        return ""
    found = HTML.search(CODE.sub(" ", message.content))
    return repr(found[0][:40]) if found else ""


def _refusal(message: Message) -> str:
    found = REFUSAL.match(message.content) if message.role == "assistant" else None
    return repr(found[0].strip()) if found else ""


def _placeholder(message: Message) -> str:
    found = PLACEHOLDER.match(message.content) if message.role == "assistant" else None
    return repr(found[0].strip()[:40]) if found else ""


KINDS: dict[str, Callable[[Message], str]] = {
    "DT501": _template,
    "DT502": _invisible,
    "DT503": _secret,
    "DT504": _personal,
    "DT505": _mojibake,
    "DT506": _html,
    "DT507": _refusal,
    "DT508": _placeholder,
}
