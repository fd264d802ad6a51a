"""Chats of the length and shape of ultrachat's, out of this project's own prose; the same every time."""

from __future__ import annotations

import hashlib
import json
import random
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?[.,;!?]?")


def written(folder: Path, megabytes: int) -> Path:
    """Give a file of that size, written once: 2 to 4 turns a chat, about 4.5 kB a line."""
    path = folder / f"chats-{megabytes}.jsonl"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    chance, words = random.Random(3), _words()  # noqa: S311 - the same chats every time
    size = number = 0
    with part.open("wb") as file:
        while size < megabytes * 1_000_000:
            number += 1
            size += file.write(json.dumps(_chat(chance, words, number)).encode() + b"\n")
    part.rename(path)
    return path


def _words() -> list[str]:
    prose = [path.read_text("utf-8") for path in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])]
    chats = (ROOT / "local" / "demo_data" / "acme-support.jsonl").read_text("utf-8").splitlines()
    prose += [message["content"] for line in chats for message in json.loads(line)["messages"]]
    return [word for word in " ".join(prose).split() if WORD.fullmatch(word)]


def _chat(chance: random.Random, words: list[str], number: int) -> dict[str, object]:
    messages = []
    for _turn in range(chance.randint(2, 4)):
        messages.append({"role": "user", "content": _prose(chance, words, chance.randint(8, 45))})
        answer = _prose(chance, words, chance.randint(90, 330))
        if chance.random() < 0.1:
            answer += " It\u2019s at the caf\u00e9."
        messages.append({"role": "assistant", "content": answer})
    prompt_id = hashlib.sha256(str(number).encode()).hexdigest()
    return {"prompt": messages[0]["content"], "messages": messages, "prompt_id": prompt_id}


def _prose(chance: random.Random, words: list[str], count: int) -> str:
    begin = chance.randrange(len(words) - count)
    said = []
    for word in words[begin : begin + count]:
        said.append(f'"{word}"' if chance.random() < 0.01 else word)
        if word[-1] in ".!?" and chance.random() < 0.3:
            said.append("\n\n")
    return " ".join(said).replace(" \n\n ", "\n\n").strip()
