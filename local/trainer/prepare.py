"""The preprocess task: from the job's files to token ids and labels, as chat_completion_datapreprocess does.

The test rows are loaded and then used by nobody, as on Azure: only a file that can't be read fails.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.trainer import parameters, preprocess
from local.trainer.slices import slices
from local.trainer.tokenizing import IGNORED, Model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.trainer.preprocess import Happened

Json = dict[str, Any]


def prepare(spec: Mapping[str, Any]) -> int:
    """Run the task a spec describes; 0 where the rows were written.

    spec: base_model, a folder; files, paths by part, train at least; parameters; output_dir; result, a path.
    """
    result = Path(spec["result"])
    try:
        made = _run(spec)
    except preprocess.Failure as failure:
        print(f"failed: {failure.reason}", flush=True)
        error = {"code": failure.code, "message": failure.reason}
        result.write_text(json.dumps({"status": "failed", "error": error}), "utf-8")
        return 1
    result.write_text(json.dumps({"status": "completed", **made}), "utf-8")
    return 0


def _run(spec: Mapping[str, Any]) -> Json:
    given = spec["files"]
    settings = parameters.read(spec["parameters"])
    model = Model.load(Path(spec["base_model"]), settings.max_seq_length)
    pieces = slices(set(given))
    rows, tokens, learnt = {"test": _load(Path(given[pieces["test"].file]), str(pieces["test"]))}, 0, 0
    for part in ("train", "validation"):
        piece = pieces[part]
        path = Path(given[piece.file])
        happened = preprocess.preprocess(path, model, str(piece), trains=part == "train")
        _tell(part, str(piece), happened)
        if happened.step:
            raise preprocess.Failure(happened.step, happened.reason, happened.at, happened.code)
        _write(Path(spec["output_dir"]) / f"{part}.jsonl", happened)
        rows[part] = len(happened.rows)
        tokens += sum(len(ids) for ids, _ in happened.rows)
        learnt += sum(label != IGNORED for _, labels in happened.rows for label in labels)
    epochs = settings.num_train_epochs
    counts = {
        "__azureml_ft_training_tokens": tokens * epochs,
        "__azureml_ft_assistant_tokens": learnt * epochs,
    }
    return {"rows": rows, "properties": counts}


def _load(path: Path, piece: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        return len(preprocess.read(path, folder, piece))


def _tell(part: str, piece: str, happened: Happened) -> None:
    """Write to the log what no error says: how many rows went in silence."""
    print(
        f"{part} = {piece}: {len(happened.rows)} rows kept, {len(happened.dropped)} removed, "
        f"{len(happened.cut)} cut, {len(happened.nothing)} without assistant tokens",
        flush=True,
    )


def _write(path: Path, happened: Happened) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        for ids, labels in happened.rows:
            out.write(json.dumps({"input_ids": ids, "labels": labels}) + "\n")
