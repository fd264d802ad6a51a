"""A model's loss over chats, and its answers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from local.trainer import chats, models

if TYPE_CHECKING:
    from pathlib import Path

BATCH = 8


def evaluate(folder: Path, data: Path, batch: int = BATCH) -> dict[str, Any]:
    """Compute the mean assistant-token loss: over all tokens, and chat by chat in the file's order."""
    model = models.load(folder)
    limit = chats.longest(model.tokenizer, model.net.config, -1)
    rows = chats.encode_all(model.tokenizer, chats.read(data), limit)
    sums = losses(model.net, rows, batch)
    tokens = sum(row.learnt for row in rows)
    return {
        "loss": sum(sums) / tokens if tokens else None,
        "per_chat": [one / row.learnt for one, row in zip(sums, rows, strict=True)],
        "chats": len(rows),
        "tokens": tokens,
        "sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
    }


def losses(net: Any, rows: list[chats.Row], batch: int) -> list[float]:  # noqa: ANN401 - a torch module
    """Sum the loss of each row. Rows of like length share a batch, which changes no sum."""
    import torch
    from torch.nn import functional

    found = [0.0] * len(rows)
    order = sorted(range(len(rows)), key=lambda n: len(rows[n].ids))
    with torch.inference_mode():
        for start in range(0, len(order), batch):
            picked = order[start : start + batch]
            ids, mask, labels = collate([rows[n] for n in picked])
            logits = net(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
            each = functional.cross_entropy(
                logits.transpose(1, 2), labels[:, 1:], ignore_index=chats.IGNORED, reduction="none"
            ).sum(1)
            for n, one in zip(picked, each.tolist(), strict=True):
                found[n] = one
    return found


def collate(rows: list[chats.Row]) -> tuple[Any, Any, Any]:
    """Pad rows on the right into three tensors of (rows, longest): ids, attention mask, labels."""
    import torch

    width = max(len(row.ids) for row in rows)
    ids = torch.tensor([row.ids + [0] * (width - len(row.ids)) for row in rows])
    mask = torch.tensor([[1] * len(row.ids) + [0] * (width - len(row.ids)) for row in rows])
    labels = torch.tensor([row.labels + [chats.IGNORED] * (width - len(row.labels)) for row in rows])
    return ids, mask, labels


def ask(folder: Path, texts: list[str]) -> list[str]:
    """Answer each text as a chat of its own, greedily."""
    model = models.load(folder)
    return [
        models.generate(model, [{"role": "user", "content": text}], {"max_new_tokens": 120}) for text in texts
    ]
