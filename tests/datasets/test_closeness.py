"""Near copies and languages among the sampled rows."""

from __future__ import annotations

import random

from shared.datasets.closeness import near_copies
from shared.datasets.languages import language_mix
from shared.datasets.rows import Message
from tests.datasets.helpers import chat, check, jsonl

WORDS = ("garden", "rose", "tulip", "water", "soil", "seed", "plant", "grow", "green", "leaf", "pot", "bed")


def prose(chance: random.Random, words: int = 60) -> str:
    return " ".join(chance.choice(WORDS) + str(chance.randrange(90)) for _ in range(words))


def said(text: str) -> list[Message]:
    return [Message("user", "What shall I do?"), Message("assistant", text)]


def test_a_copy_with_a_word_changed_is_near_and_others_are_not() -> None:
    chance = random.Random(1)  # noqa: S311 - the same words every time
    texts = [prose(chance) for _ in range(200)]
    words = texts[17].split()
    changed = " ".join([*words[:30], "changed", *words[31:]])
    [pair] = near_copies([said(text) for text in [*texts, changed]])
    assert (pair.place, pair.earlier) == (200, 17)
    assert pair.alike > 0.8


def test_nothing_is_near_where_there_is_little_or_nothing() -> None:
    assert near_copies([]) == []
    assert near_copies([said("Yes."), said("Yes.")]) == []


def test_a_report_names_both_lines_of_a_near_copy_and_keeps_both() -> None:
    chance = random.Random(2)  # noqa: S311 - the same words every time
    rows = [chat(f"Question {n}?", prose(chance)) for n in range(40)]
    words = rows[4]["messages"][1]["content"].split()
    rows.append(chat("Question 4?", " ".join([*words[:50], "other", *words[51:]])))
    report = check(jsonl(rows))
    [near] = [found for found in report.findings if found.code == "DT311"]
    assert near.line == 41
    assert near.found.endswith("as in line 5")
    assert report.rows.accepted == 41
    assert report.statistics["near_copies"] == 1


def test_the_same_question_answered_otherwise_is_named() -> None:
    rows = [chat(f"Question {n}?", f"Answer {n}.") for n in range(40)]
    report = check(jsonl([*rows, chat("Question 7?", "Quite another answer.")]))
    assert [(found.line, found.code) for found in report.findings] == [(41, "DT310")]


def test_languages_are_counted() -> None:
    chats = [said("The opening hours are on the door of the shop, as they have always been.")] * 3
    chats += [said("Die Öffnungszeiten stehen wie immer an der Tür unseres schönen Ladens.")]
    assert dict(language_mix(chats)) == {"en": 3, "de": 1}
    assert dict(language_mix(chats[:3] * 200 + chats[3:] * 200)) == {"en": 225, "de": 75}
