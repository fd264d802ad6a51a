"""Run one task from its spec file; what the nursery's children and the command line share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def run(kind: str, path: Path) -> int:
    """Run `preprocess`, `finetune` or `serve`; the exit code is the task's."""
    spec: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if kind == "preprocess":
        from local.trainer.prepare import prepare

        return prepare(spec)
    if kind == "finetune":
        from local.trainer.finetune import finetune

        return finetune(spec)
    from local.trainer.serve import serve

    return serve(spec)
