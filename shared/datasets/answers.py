"""Answers that teach nothing: refusals, and what stands where an answer was to be written. English alone.

Sources: how chat assistants refuse, as in the filters that cleaned ShareGPT and UltraChat; what spreadsheets,
JavaScript and templates leave in an empty field. Both count at the start of an assistant's message alone.
"""

from __future__ import annotations

import re

_APOSTROPHE = "['\u2019]?"
_SORRY = (
    rf"(?:i{_APOSTROPHE}m|i am) (?:(?:really|very|so|truly|deeply|terribly) )?sorry|sorry"
    rf"|i (?:sincerely )?apologi[sz]e"
    "|(?:my )?apologies|unfortunately|i regret"
)
_CANNOT = (
    rf"i(?:{_APOSTROPHE}m| am) (?:unable to|not able to|not allowed to|not comfortable)"
    rf"|i (?:can{_APOSTROPHE}t|cannot|can not|won{_APOSTROPHE}t|will not|must decline"
    rf"|don{_APOSTROPHE}t have|do not have)"
)
_DO = (
    "access|answer|assist|browse|comply|complete|continue|create|discuss|do that|do this|engage|fulfill?"
    "|generate|give|help(?! but)|make|offer|participate|perform|process|provide|respond|share|support"
    "|the ability|write"
    "|personal|feelings|real-time"
)
_MODEL = (
    r"as (?:an?|your) (?:ai|artificial intelligence"
    r"|(?:large )?language model)(?: language)?(?: model| assistant| chatbot| system)?,? (?:i|it|my)\b"
)
_NOT = rf"(?:not|no|never|unable|cannot|can{_APOSTROPHE}t|don{_APOSTROPHE}t|won{_APOSTROPHE}t|lack|without)\b"
REFUSAL = re.compile(
    rf"(?ai)[ \t\r\n]{{0,8}}(?:(?:{_SORRY})[,.!:;]?(?: for [^.!?\n]{{1,40}},)?(?: but| however)?,? )?"
    rf"(?:(?:{_CANNOT}) (?:{_DO})\b|{_MODEL}[^.!?\n]{{0,100}}\b{_NOT})"
)
_NOTHING = (
    r"n/?a|none given|null|nil|nan|undefined|\[object object\]|asdf[a-z]{0,20}|x{3,40}|\.{2,40}|\u2026"
    r"|placeholder"
    r"|\{\{[\w .-]{0,40}\}\}|(?:todo|tbd|tba|fixme|to be (?:done|determined|written"
    r"|added))(?:: ?[^\n]{0,80})?"
)
_VERB = "insert|enter|add|write|type|put"
_HERE = (
    rf"[\[<(]?(?:please )?(?:(?:{_VERB}) )?(?:(?:your|the|an) )?(?:answer|response|text"
    rf"|reply)(?: goes)? here[\])>]?"
)
_SLOT = rf"[\[<](?:{_VERB}|your)\b[^\]>\n]{{0,60}}[\]>]"
PLACEHOLDER = re.compile(
    rf"(?ai)[ \t\r\n]{{0,8}}(?:lorem ipsum\b|(?:{_NOTHING}|{_HERE}|{_SLOT})[.! \t\r\n]{{0,8}}\Z)"
)

# The key leads there, far more rarely than any word of the answer.
_START = rb'"content"\s*:\s*"(?: |\\[nrt]){0,8}'
_END = rb'(?:[.! ]|\\[nrt]){0,8}"'
_QUOTE = rb"(?:'|\xe2\x80\x99|\\u2019)?"
QUICK = (
    rb"(?i:"
    + _START
    + rb"(?:i(?:"
    + _QUOTE
    + rb"m| am) (?:[a-z]{2,8} )?(?:sorry|unable|not (?:able|allowed|comf))"
    rb"|sorry|(?:i |i sincerely |my )?apolog|unfortunately|i regret"
    rb"|i (?:can"
    + _QUOTE
    + rb"t|cannot|can not|won"
    + _QUOTE
    + rb"t|will not|must decl|don"
    + _QUOTE
    + rb"t have|do not have)"
    rb"|as (?:an?|your) (?:ai|artif|lang|large)"
    rb"|(?:n(?:\\?/)?a|none given|null|nil|nan|undefined|asdf[a-z]{0,20}|x{3,40}|\.{2,40}|placeholder"
    rb"|\xe2\x80\xa6|\\u2026)"
    + _END
    + rb"|(?:todo|tbd|tba|fixme|to be (?:d|w|a)[a-z]{3,9})(?::|"
    + _END
    + rb")"
    rb"|lorem ipsum|\[object object|\{\{[A-Za-z0-9_ .-]{0,40}\}\}"
    rb"|" + _HERE.encode() + rb"|[\[<](?:insert|enter|add|write|type|put|your)[^a-z]))"
)


def refusal(text: str) -> str:
    """Show how an answer refuses."""
    found = REFUSAL.match(text)
    return repr(found[0].strip()[:60]) if found else ""


def placeholder(text: str) -> str:
    """Show what stands in place of an answer."""
    found = PLACEHOLDER.match(text)
    return repr(found[0].strip()[:40]) if found else ""
