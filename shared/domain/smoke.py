"""The questions a challenger is asked before it gets traffic, and how its answers are judged."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shared.domain.recipe import Prompt, Recipe

HELD_OUT = "a held-out chat"
SAMPLES = 3  # answers are sampled (temperature 0.6): an empty one is asked for again


class Answer(msgspec.Struct, frozen=True):
    """One question put to the challenger. missing: what the answer should have held; seconds: to answer.

    empty: the model answered, with nothing.
    """

    ask: str
    passed: bool
    seconds: float
    missing: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    empty: bool = False


@dataclass(frozen=True)
class Question:
    """One chat to put to the model. label: what the run's document calls it, never a user's content.

    must, must_not: texts the answer holds or not, without regard to case; counted: texts that are looked
    for and counted; shape: the prompt whose expressions, keys and length are held against the answer.
    """

    label: str
    messages: tuple[Mapping[str, str], ...]
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    shape: Prompt | None = None


def questions(recipe: Recipe, held_out: Sequence[Mapping[str, str]]) -> list[Question]:
    """List what to ask: a held-out chat up to its last answer, the recipe's prompts, its facts."""
    chat = tuple(held_out)
    while chat and chat[-1].get("role") == "assistant":
        chat = chat[:-1]
    first = [Question(HELD_OUT, chat)] if chat else []
    prompts = [Question(p.ask, _user(p.ask), p.must, p.must_not, shape=p) for p in recipe.evaluation.prompts]
    facts = [Question(f.ask, _user(f.ask), counted=(f.answer,)) for f in recipe.evaluation.facts]
    return first + prompts + facts


def judge(question: Question, answer: str, seconds: float) -> Answer:
    """Hold an answer against its question. An empty answer never passes."""
    said = answer.casefold()
    missing = tuple(text for text in question.must if text.casefold() not in said)
    unwanted = tuple(text for text in question.must_not if text.casefold() in said)
    found = tuple(text for text in (*question.must, *question.counted) if text.casefold() in said)
    empty = not answer.strip()
    shapeless = () if question.shape is None or empty else tuple(_shapeless(question.shape, answer))
    passed = not (empty or missing or unwanted or shapeless)
    return Answer(question.label, passed, round(seconds, 3), missing + unwanted + shapeless, found, empty)


def facts_right(recipe: Recipe, answers: Sequence[Answer]) -> int:
    """Count the facts that the answers hold."""
    said = {answer.ask: answer.found for answer in answers}
    return sum(fact.answer in said.get(fact.ask, ()) for fact in recipe.evaluation.facts)


def _shapeless(prompt: Prompt, answer: str) -> Iterator[str]:
    """Say what the answer's shape lacks, in the recipe's words."""
    for pattern in prompt.matches:
        if not re.search(pattern, answer):
            yield f"a match of {pattern}"
    length, most = len(answer.strip()), prompt.max_characters
    if length < prompt.min_characters:
        yield f"{prompt.min_characters} characters (has {length})"
    if most is not None and length > most:
        yield f"at most {most} characters (has {length})"
    if prompt.json_keys:
        yield from _keyless(prompt.json_keys, answer)


def _keyless(keys: Sequence[str], answer: str) -> Iterator[str]:
    try:
        found = msgspec.json.decode(answer.strip().encode())
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        yield "the form of a JSON object"
        return
    yield from (f"the JSON key {key}" for key in keys if key not in found)


def _user(text: str) -> tuple[Mapping[str, str], ...]:
    return ({"role": "user", "content": text},)
