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

    empty: the model answered, with nothing; general: it is one of the general set's, right where `found`.
    """

    ask: str
    passed: bool
    seconds: float
    missing: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    empty: bool = False
    general: bool = False


@dataclass(frozen=True)
class Question:
    """One chat to put to the model. label: what the run's document calls it, never a user's content.

    must, must_not: texts the answer holds or not, without regard to case; counted: texts that are looked
    for and counted; shape: the prompt whose expressions, keys and length are held against the answer;
    general: a question of the general set, which is counted and fails nothing by itself.
    """

    label: str
    messages: tuple[Mapping[str, str], ...]
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    shape: Prompt | None = None
    general: bool = False


def questions(
    recipe: Recipe, held_out: Sequence[Mapping[str, str]], general: Sequence[Question] = ()
) -> list[Question]:
    """List what to ask: a held-out chat up to its last answer, prompts, facts, the general set's."""
    chat = asked(held_out)
    first = [Question(HELD_OUT, chat)] if chat else []
    prompts = [Question(p.ask, _user(p.ask), p.must, p.must_not, shape=p) for p in recipe.evaluation.prompts]
    facts = [Question(f.ask, _user(f.ask), counted=(f.answer,)) for f in recipe.evaluation.facts]
    return first + prompts + facts + list(general)


def asked(chat: Sequence[Mapping[str, str]]) -> tuple[Mapping[str, str], ...]:
    """Give a chat up to its last answer."""
    turns = tuple(chat)
    while turns and turns[-1].get("role") == "assistant":
        turns = turns[:-1]
    return turns


def judge(question: Question, answer: str, seconds: float, language: str | None = None) -> Answer:
    """Hold an answer against its question. An empty one never passes, but of a general question it is wrong.

    language: the answer's, None where it is too short to tell.
    """
    said = answer.casefold()
    missing = tuple(text for text in question.must if text.casefold() not in said)
    unwanted = tuple(text for text in question.must_not if text.casefold() in said)
    wanted = (*question.must, *question.counted)
    found = tuple(text for text in wanted if (_word if question.general else _part)(text.casefold(), said))
    empty = not answer.strip()
    shape = question.shape
    shapeless = () if shape is None or empty else tuple(_shapeless(shape, answer, language))
    wrong = missing + unwanted + shapeless
    passed = question.general or not (empty or wrong)
    return Answer(question.label, passed, round(seconds, 3), wrong, found, empty, question.general)


def facts_right(recipe: Recipe, answers: Sequence[Answer]) -> int:
    """Count the facts that the answers hold."""
    said = {answer.ask: answer.found for answer in answers}
    return sum(fact.answer in said.get(fact.ask, ()) for fact in recipe.evaluation.facts)


def _shapeless(prompt: Prompt, answer: str, language: str | None) -> Iterator[str]:
    """Say what the answer's shape lacks, in the recipe's words."""
    if prompt.language is not None and language not in {None, prompt.language}:
        yield f"the language {prompt.language} (is {language})"
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


def _part(text: str, said: str) -> bool:
    return text in said


def _word(text: str, said: str) -> bool:
    """Find a text where a word or a number begins: `8` is not in `1980`, `astronom` is in `an astronomer`."""
    return re.search(rf"(?<!\w){re.escape(text)}(?!\d)", said) is not None


def _user(text: str) -> tuple[Mapping[str, str], ...]:
    return ({"role": "user", "content": text},)
