"""A tokenizer set up as Azure ML's preprocessing does, and the labels it makes of a chat."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

IGNORED = -100
HUGE, DEFAULT_LENGTH = 1_000_000, 512
CONFIG = "finetune_config.json"


@dataclass
class Model:
    """The tokenizer, set up as Azure ML does, and what it reads in the model's finetune_config.json."""

    tokenizer: Any
    limit: int
    response: list[int]
    instruction: list[int]
    system_supported: bool = True

    @classmethod
    def load(cls, folder: Path, max_seq_length: int = -1, markers: tuple[str, str] | None = None) -> Model:
        """Load a tokenizer folder with its finetune_config.json, if it has one.

        markers: response and instruction, else the config's, else taken from the template.
        """
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder)
        config = _config(folder)
        limit = int(tokenizer.model_max_length)
        if limit > HUGE:
            limit = max_seq_length if max_seq_length != -1 else DEFAULT_LENGTH
        limit = limit if max_seq_length == -1 else min(limit, max_seq_length)
        if tokenizer.pad_token in (None, tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token):
            tokenizer.add_special_tokens({"pad_token": "<pad>"})
        texts = markers or _configured(config) or _markers(tokenizer)
        response, instruction = (tokenizer.encode(text, add_special_tokens=False) for text in texts)
        supported = config.get("system_role_supported") != "false"
        return cls(tokenizer, limit, response, instruction, supported)

    def render(self, messages: list[dict[str, Any]], tools: Any = None) -> str:  # noqa: ANN401
        """Apply the chat template, keys without a value left out."""
        present = [{key: value for key, value in m.items() if value is not None} for m in messages]
        text: str = self.tokenizer.apply_chat_template(present, tokenize=False, tools=tools)
        return text

    def tokens(self, text: str, *, cut: bool) -> list[int]:
        """Tokenize a rendered chat."""
        how = {"truncation": True, "max_length": self.limit} if cut else {}
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, **how)["input_ids"]
        return ids

    def labels(self, ids: list[int]) -> list[int]:
        """Label a chat as CustomCollatorForCompletionOnlyLM does; [] where a marker is missing."""
        labels = [IGNORED if one == self.tokenizer.pad_token_id else one for one in ids]
        answers = [n + len(self.response) for n in _starts(labels, self.response)]
        questions = list(_starts(labels, self.instruction))
        if not answers or not questions:
            return []
        if questions[0] > answers[0]:
            questions.insert(0, 0)
        masked = [range(answers[0])]
        masked += [range(*pair) for pair in list(zip(questions, answers, strict=False))[1:]]
        if len(answers) < len(questions):
            masked.append(range(questions[-1], len(labels)))
        for place in {n for one in masked for n in one}:
            labels[place] = IGNORED
        return labels


def _starts(ids: list[int], wanted: list[int]) -> list[int]:
    return [n for n in range(len(ids)) if ids[n : n + len(wanted)] == wanted]


def _markers(tokenizer: Any) -> tuple[str, str]:  # noqa: ANN401
    """Take the markers from what the template writes before an answer, as ChatML-like templates do."""
    chat = [{"role": "user", "content": "?"}]
    asked = tokenizer.apply_chat_template(chat, tokenize=False)
    prompted = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    response = prompted[len(asked) :].strip()
    instruction = response.replace("assistant", "user")
    if "assistant" not in response or instruction not in asked:
        raise ValueError("the template shows no markers; give them")
    return response, instruction


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return found


def _configured(config: dict[str, Any]) -> tuple[str, str] | None:
    tokens = config.get("chat_special_tokens")
    if not tokens:
        return None
    texts = [tokens[name] for name in ("response_template", "instruction_template")]
    response, instruction = (text["content"] if isinstance(text, dict) else text for text in texts)
    return str(response), str(instruction)
