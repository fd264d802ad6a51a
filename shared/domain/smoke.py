"""The questions a challenger is asked before it gets traffic, and how its answers are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain.run import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.domain.recipe import Recipe

HELD_OUT = "a held-out chat"
SAMPLES = 3  # answers are sampled (temperature 0.6): an empty one is asked for again


@dataclass(frozen=True)
class Question:
    """One chat to put to the model. label: what the run's document calls it, never a user's content.

    must, must_not: texts the answer holds or not, without regard to case; counted: texts that are looked
    for and counted, but gate nothing.
    """

    label: str
    messages: tuple[Mapping[str, str], ...]
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()


def questions(recipe: Recipe, held_out: Sequence[Mapping[str, str]]) -> list[Question]:
    """List what to ask: a held-out chat up to its last answer, the recipe's prompts, its facts."""
    chat = tuple(held_out)
    while chat and chat[-1].get("role") == "assistant":
        chat = chat[:-1]
    first = [Question(HELD_OUT, chat)] if chat else []
    prompts = [Question(p.ask, _user(p.ask), p.must, p.must_not) for p in recipe.evaluation.prompts]
    facts = [Question(f.ask, _user(f.ask), counted=(f.answer,)) for f in recipe.evaluation.facts]
    return first + prompts + facts


def judge(question: Question, answer: str, seconds: float) -> Answer:
    """Hold an answer against its question. An empty answer never passes."""
    said = answer.casefold()
    missing = tuple(text for text in question.must if text.casefold() not in said)
    unwanted = tuple(text for text in question.must_not if text.casefold() in said)
    found = tuple(text for text in (*question.must, *question.counted) if text.casefold() in said)
    empty = not answer.strip()
    passed = not (empty or missing or unwanted)
    return Answer(question.label, passed, round(seconds, 3), missing + unwanted, found, empty)


def _user(text: str) -> tuple[Mapping[str, str], ...]:
    return ({"role": "user", "content": text},)
