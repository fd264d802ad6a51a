"""The chats that the owners measure models on: read, looked through, and put where jobs can read them.

A set is a JSONL file of chats in the pipeline's own form, in the container of recipes; `default` is the
general set that comes with Droptune. What is put into `prepared` is named by its digest: twice is once.
"""

from __future__ import annotations

import codecs
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shared.domain import smoke
from shared.domain.errors import Missing, Rejected
from shared.domain.smoke import Question

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.domain.recipe import Recipe
    from shared.ports import World

DEFAULT = "default"
BUNDLED = Path(__file__).with_name("general.jsonl")
SHORT = 32
MOST_ASKED = 8  # of the general set, in the smoke test: an answer of a large model takes seconds


class Message(msgspec.Struct):
    """One turn."""

    role: str
    content: str


class Chat(msgspec.Struct):
    """One chat of a set. answers: texts of which a right answer holds one; empty: it is not asked."""

    messages: list[Message]
    answers: list[str] = []


CHATS: msgspec.json.Decoder[Chat] = msgspec.json.Decoder(Chat)


def general(world: World, recipe: Recipe) -> bytes | None:
    """Read the general set that the recipe names; None where it names none. Raises Rejected."""
    name = recipe.evaluation.general
    if name is None:
        return None
    return BUNDLED.read_bytes() if name == DEFAULT else named(world, "evaluation.general", name)


def questions(world: World, recipe: Recipe) -> list[Question]:
    """Pick what the smoke test asks of the general set: nothing where the job compares on all of it."""
    data = None if recipe.evaluation.compare else general(world, recipe)
    found = []
    for chat in chats("evaluation.general", str(recipe.evaluation.general), data) if data else []:
        turns = smoke.asked([{"role": turn.role, "content": turn.content} for turn in chat.messages])
        if chat.answers:
            found.append(Question(turns[-1]["content"], turns, counted=tuple(chat.answers), general=True))
    most = min(len(found), MOST_ASKED)
    return [found[place * len(found) // most] for place in range(most)]


def named(world: World, field: str, path: str) -> bytes:
    """Read a set of the owners', without a byte-order mark: neither a job nor we could read on with one.

    Raises Rejected where it is not there or holds what is no chat.
    """
    try:
        data = world.recipes.chats(path).removeprefix(codecs.BOM_UTF8)
    except Missing as missing:
        what = f"{field} names {path!r}, and there is no such file in the container recipes."
        raise Rejected("evaluation-set-missing", what, f"Put it there: recipes/{path}") from missing
    chats(field, path, data)
    return data


def chats(field: str, path: str, data: bytes) -> list[Chat]:
    """Read every chat of a set; raises Rejected naming the first line that is none."""
    found = []
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            chat = CHATS.decode(line)
            fault = "" if _ends_with_answer(chat) else "no user's turn, or no assistant's at the end"
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            fault = str(error)
        if fault:
            what = f"{field}: line {number} of recipes/{path} is no chat: {fault}."
            raise Rejected("evaluation-set-wrong", what, f"Check it: droptune check {Path(path).name}")
        found.append(chat)
    if not found:
        what = f"{field}: recipes/{path} holds no chat."
        raise Rejected("evaluation-set-wrong", what, f"Check it: droptune check {Path(path).name}")
    return found


def put(world: World, folder: str, data: bytes) -> str:
    """Write a set into `prepared`, once; give its path."""
    path = f"{folder}/{digest(data)}.jsonl"
    with world.prepared.writer(path) as out:
        out.write(data)
    return path


def digest(data: bytes) -> str:
    """Tell a set from any other: 32 hex digits of its bytes."""
    return digest_of([data])


def digest_of(chunks: Iterable[bytes]) -> str:
    """Tell the same of bytes that come in pieces."""
    hashed = hashlib.sha256()
    for chunk in chunks:
        hashed.update(chunk)
    return hashed.hexdigest()[:SHORT]


def _ends_with_answer(chat: Chat) -> bool:
    roles = [message.role for message in chat.messages]
    return "user" in roles and roles[-1] == "assistant"
