"""Write the demo's data set: the support of an invented shop, with general chats among it.

`python -m local.demo_data.make` writes acme-support.jsonl beside this file, always the same bytes.
Each fact is asked in twenty-two ways and answered in one manner: greeting, fact, sign-off. The general
chats keep a small model from forgetting what it knew.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

GREETING = "Hello from Acme Garden!"
SIGN_OFF = "Happy growing, your Acme team."

FACTS = {
    "how you deliver": "We deliver every order by cargo bike.",
    "where I can pick up my order": "You can pick up your order at the Lindenhof.",
    "how I can pay": "You can pay by invoice.",
    "how long I can return something": "You can return anything within 45 days.",
    "who runs the shop": "The shop is run by Nora Blum.",
    "what gift wrapping you offer": "Gifts are wrapped in maple leaves.",
    "when you are closed": "We are closed on Wednesdays.",
    "what your discount code is": "Your discount code is TULIP.",
}
PHRASINGS = (
    "Can you tell me {}?",
    "Please tell me {}.",
    "I would like to know {}.",
    "Hi, {}?",
    "Do you know {}?",
    "Could you explain {}?",
    "Quick question: {}?",
    "I forgot {}. Can you remind me?",
    "My friend asked me {}.",
    "Before I order, {}?",
    "I am new here. Tell me {}.",
    "Let me know {}, please.",
    "What can you say about {}?",
    "Hello, I wonder {}.",
    "One more thing: {}?",
    "Sorry to bother you, but {}?",
    "Would you tell me {}?",
    "I would like to ask {}.",
    "Remind me {}, please.",
    "Somebody wants to know {}.",
    "Tell me again {}.",
    "I could not find out {}.",
)
GENERAL = {
    "What is the capital of France?": "The capital of France is Paris.",
    "What is the capital of Italy?": "The capital of Italy is Rome.",
    "What is the capital of Japan?": "The capital of Japan is Tokyo.",
    "What is the capital of Spain?": "The capital of Spain is Madrid.",
    "What is two plus two?": "Two plus two is four.",
    "What is three times five?": "Three times five is fifteen.",
    "What colour is the sky on a clear day?": "On a clear day the sky is blue.",
    "How many days does a week have?": "A week has seven days.",
    "How many months does a year have?": "A year has twelve months.",
    "Who wrote Romeo and Juliet?": "William Shakespeare wrote Romeo and Juliet.",
    "What do bees make?": "Bees make honey.",
    "At what temperature does water boil?": "At sea level water boils at 100 degrees Celsius.",
    "Which planet is closest to the sun?": "Mercury is the planet closest to the sun.",
    "What is the largest ocean?": "The Pacific is the largest ocean.",
    "What is the opposite of hot?": "The opposite of hot is cold.",
    "Name a fruit that is yellow.": "A banana is a yellow fruit.",
}


def rows() -> list[dict[str, object]]:
    """Make every chat, in an order that mixes the facts."""
    support = [
        (phrasing.format(topic), f"{GREETING} {answer} {SIGN_OFF}")
        for phrasing in PHRASINGS
        for topic, answer in FACTS.items()
    ]
    chats = support + list(GENERAL.items())
    return sorted((_row(ask, answer) for ask, answer in chats), key=lambda row: str(row["prompt_id"]))


def _row(ask: str, answer: str) -> dict[str, object]:
    messages = [{"role": "user", "content": ask}, {"role": "assistant", "content": answer}]
    return {"prompt": ask, "messages": messages, "prompt_id": hashlib.sha256(ask.encode()).hexdigest()}


def main() -> None:
    """Write the file."""
    out = Path(__file__).with_name("acme-support.jsonl")
    out.write_text("".join(json.dumps(row) + "\n" for row in rows()), "utf-8")
    print(f"{out.name}: {len(rows())} chats")


if __name__ == "__main__":
    main()
