"""The step that compares: the loss of two models on the same chats, chat by chat.

It runs alone behind the fine-tune, in Azure ML's own fine-tune environment, and imports nothing of the app.
A folder is an MLflow model of either flavour that Azure ML writes (`transformers`: model/, components/;
`hftransformersv2`: data/model, data/config, data/tokenizer), or a plain Hugging Face folder.

Each chat's figure is the sum of the assistant tokens' losses over the number of them that the challenger's
tokenizer makes: so the figures of both models are of the same text, whatever their tokenizers. A chat that is
longer than either model takes, or holds nothing to learn, is left out of both. The figures are logged as the
metrics `compare_<set>_<challenger|reference>` of the step's own run, one point a chat, its line as the step.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_CHATS = 1000  # of a set: enough for a narrow interval, and an hour of GPU is not spent on more
POINTS = 200  # in one call of the tracking service
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")

Chats = dict[int, list[dict[str, str]]]
Sums = dict[int, tuple[float, int]]


def main() -> None:
    """Measure both models on each set and log the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("challenger", "reference", "frozen"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    parser.add_argument("--general", type=Path)
    asked = parser.parse_args()
    sets = {"frozen": chats(asked.frozen)}
    if asked.general is not None:
        sets["general"] = chats(asked.general)
    sums = {side: measure(vars(asked)[side], sets) for side in ("challenger", "reference")}
    for name in sets:
        for side, losses in figures(sums["challenger"][name], sums["reference"][name]).items():
            mean = sum(losses.values()) / len(losses) if losses else math.nan
            print(f"{name} {side}: {len(losses)} chats, mean loss {mean:.4f}", flush=True)
            log(f"compare_{name}_{side}", losses)


def chats(path: Path) -> Chats:
    """Read a set's chats by their line, spread evenly where they are too many."""
    lines = path.read_text("utf-8").split("\n")  # a text may hold other line ends, as U+2028
    found = {n: json.loads(line)["messages"] for n, line in enumerate(lines, 1) if line.strip()}
    if len(found) <= MOST_CHATS:
        return found
    kept = sorted(found)
    return {n: found[n] for n in (kept[i * len(kept) // MOST_CHATS] for i in range(MOST_CHATS))}


def figures(challenger: Sums, reference: Sums) -> dict[str, dict[int, float]]:
    """Put both models' sums over the challenger's tokens; chats that one of them left out are left out."""
    both = sorted(challenger.keys() & reference.keys())
    return {
        side: {n: sums[n][0] / challenger[n][1] for n in both}
        for side, sums in (("challenger", challenger), ("reference", reference))
    }


def measure(root: Path, sets: Mapping[str, Chats]) -> dict[str, Sums]:
    """Load a model, and give for each chat of each set the sum of its losses and how many there are."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device, kind = ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        gather(root, Path(folder))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        net = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=kind).to(device).eval()
    longest = min(int(tokenizer.model_max_length), int(net.config.max_position_embeddings))
    found: dict[str, Sums] = {}
    for name, rows in sets.items():
        found[name] = {}
        for number, messages in rows.items():
            ids, learnt = encode(tokenizer, messages)
            if any(learnt[1:]) and len(ids) <= longest:
                found[name][number] = (loss(net, ids, learnt, device), sum(learnt[1:]))
    return found


def gather(root: Path, folder: Path) -> None:
    """Link a model's weights, config and tokenizer, wherever they lie below `root`, into one folder."""
    weights = next((found for kind in WEIGHTS for found in sorted(root.rglob(kind))), None)
    tokenizer = next(iter(sorted(root.rglob("tokenizer_config.json"))), None)
    if weights is None or tokenizer is None:
        raise SystemExit(f"{root} holds no weights ({', '.join(WEIGHTS)}) or no tokenizer_config.json.")
    config = weights.with_name("config.json")
    if not config.exists():
        config = next(iter(sorted(root.rglob("config.json"))), config)
    for place in dict.fromkeys((weights.parent, config.parent, tokenizer.parent)):
        for file in place.iterdir():
            if file.is_file() and not (folder / file.name).exists():
                (folder / file.name).symlink_to(file.resolve())


def encode(tokenizer: Any, messages: Sequence[Mapping[str, str]]) -> tuple[list[int], list[bool]]:  # noqa: ANN401
    """Render a chat to ids, and say which are an assistant's: what a turn's rendering adds to that before."""
    ids = _render(tokenizer, messages, prompt=False)
    learnt = [False] * len(ids)
    for turn, message in enumerate(messages):
        if message["role"] == "assistant" and turn:
            begin = len(_render(tokenizer, messages[:turn], prompt=True))
            end = len(_render(tokenizer, messages[: turn + 1], prompt=False))
            learnt[begin:end] = [True] * (min(end, len(ids)) - begin)
    return ids, learnt


def _render(tokenizer: Any, messages: Sequence[Mapping[str, str]], *, prompt: bool) -> list[int]:  # noqa: ANN401
    text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=prompt)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def loss(net: Any, ids: Sequence[int], learnt: Sequence[bool], device: str) -> float:  # noqa: ANN401
    """Sum the losses of a chat's assistant tokens, each predicted from those before it."""
    import torch
    from torch.nn import functional

    row = torch.tensor([list(ids)], device=device)
    with torch.inference_mode():
        logits = net(input_ids=row).logits[0, :-1].float()
    each = functional.cross_entropy(logits, row[0, 1:], reduction="none")
    return float(each[torch.tensor(list(learnt[1:]), device=device)].sum())


def log(key: str, losses: Mapping[int, float]) -> None:
    """Log a metric's points to this step's run; a value that is no number is not logged."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    run = os.environ["AZUREML_RUN_ID"]
    now = int(time.time() * 1000)
    points = [Metric(key, one, now, number) for number, one in losses.items() if math.isfinite(one)]
    for some in _pieces(points):
        MlflowClient().log_batch(run, metrics=some)


def _pieces(points: list[Any]) -> Iterator[list[Any]]:
    return (points[start : start + POINTS] for start in range(0, len(points), POINTS))


if __name__ == "__main__":
    main()
