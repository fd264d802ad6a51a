"""Chats of the length and shape of ultrachat's, the same every time; words and their frequencies as in prose.

Words are those of Python's own reference (`pydoc_data`), and as many again made of its syllables, drawn by
Zipf's law; sentences, lists, paragraphs, quotes and accents stand about where a chat model puts them. Some
chats have what the check warns of; none has what other checks refuse, for they stop at the first.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import re
from functools import cache
from pathlib import Path
from pydoc_data import topics

ROOT = Path(__file__).parents[2]
WORD = re.compile(r"[A-Za-z]{2,14}")
VOCABULARY, SENTENCES = 30_000, 120_000
# What is warned of, and in how many of a million answers.
WARNED = {
    " Write to anna.kern{n}@example-mail.net.": 1500,
    " See <b>number {n}</b>.": 500,
    " The mark is <|end|>.": 200,
    " It costs \u20ac{n} at the caf\u00c3\u00a9.": 200,
}


def written(folder: Path, megabytes: int) -> Path:
    """Give a file of that size, written once: 2 to 4 turns a chat, 3 to 8 kB a line."""
    path = folder / f"prose-{megabytes}.jsonl"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    chance, sentences, size = random.Random(3), prose(), 0  # noqa: S311 - the same chats every time
    with part.open("wb") as file:
        for number in itertools.count(1):
            if size >= megabytes * 1_000_000:
                break
            size += file.write(json.dumps(chat(chance, sentences, number)).encode() + b"\n")
    part.rename(path)
    return path


def chat(chance: random.Random, sentences: list[str], number: int) -> dict[str, object]:
    """Make one chat."""
    messages = []
    for _turn in range(chance.randint(2, 4)):
        question = " ".join(chance.choices(sentences, k=chance.randint(1, 3)))
        messages.append({"role": "user", "content": question[:-1] + "?"})
        messages.append({"role": "assistant", "content": _answer(chance, sentences, number)})
    prompt_id = hashlib.sha256(str(number).encode()).hexdigest()
    return {"prompt": messages[0]["content"], "messages": messages, "prompt_id": prompt_id}


def _answer(chance: random.Random, sentences: list[str], number: int) -> str:
    said = chance.choices(sentences, k=chance.randint(8, 24))
    if chance.random() < 0.3:  # a list, as chat models like them
        text = said[0] + "\n\n" + "\n".join(f"{n}. {one}" for n, one in enumerate(said[1:-1], 1))
        text += "\n\n" + said[-1]
    else:
        text = "\n\n".join(" ".join(said[n : n + 4]) for n in range(0, len(said), 4))
    luck = chance.random() * 1_000_000
    for warned, share in WARNED.items():
        luck -= share
        if luck < 0:
            return text + warned.format(n=number)
    return text


@cache
def prose() -> list[str]:
    """Make the sentences."""
    chance = random.Random(7)  # noqa: S311
    words = _words(chance)
    weights = list(itertools.accumulate(1 / (rank + 2.7) ** 1.1 for rank in range(len(words))))
    drawn = iter(chance.choices(words, cum_weights=weights, k=SENTENCES * 20))
    return [_sentence(chance, [next(drawn) for _ in range(chance.randint(6, 20))]) for _ in range(SENTENCES)]


def _sentence(chance: random.Random, words: list[str]) -> str:
    place = chance.randrange(2, len(words))
    luck = chance.random()
    if luck < 0.4:
        words[place] += ","
    elif luck < 0.44:
        words[place] = f'"{words[place]}"'
    elif luck < 0.5:
        words[place] = str(chance.randint(2, 2100))
    elif luck < 0.54:
        words[place] = f"it{chance.choice(chr(39) + chr(0x2019))}s"
    elif luck < 0.56:
        words[place] += chance.choice((" \u2013", " caf\u00e9", " na\u00efve", " Z\u00fcrich"))
    text = " ".join(words)
    return text[0].upper() + text[1:] + chance.choice(("." * 8) + "!?")


def _words(chance: random.Random) -> list[str]:
    """Give words, the most frequent first: those of real prose, and some of their syllables beyond."""
    counted: dict[str, int] = {}
    for text in topics.topics.values():
        for word in WORD.findall(text):
            counted[word.lower()] = counted.get(word.lower(), 0) + 1
    real = sorted(counted, key=lambda word: (-counted[word], word))
    parts = [word[n : n + 3] for word in real for n in range(0, len(word) - 2, 3)]
    made = ("".join(chance.choices(parts, k=chance.randint(2, 4))) for _ in itertools.count())
    return [*real, *itertools.islice(made, VOCABULARY - len(real))]
