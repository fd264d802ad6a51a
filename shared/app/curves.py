"""The curves of a job, and the base model's loss on the same held-out rows.

curves/<job>.json           the losses and the learning rate by step, at most 1,000 points each
baselines/<digest>.json     a base model's loss on the rows of one evaluation digest, and who measured it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared.app.gather import or_none
from shared.domain.gate import LOSS
from shared.domain.names import short_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.app.claim import Work
    from shared.domain.run import Run
    from shared.ports import Documents

Curves = dict[str, list[tuple[int, float]]]


class Baseline(msgspec.Struct, frozen=True):
    """A base model's loss on some held-out rows. job: which measured it."""

    eval_loss: float
    model: str
    job: str


def keep(work: Work, found: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, Any]:
    """Write a job's curves and its baseline; give the run's fields that tell of them."""
    name, ledger = work.run.job or "", work.world.ledger
    path = f"curves/{name}.json"
    ledger.put(path, msgspec.json.encode({key: list(points) for key, points in found.items()}))
    digest = work.run.evaluation.digest if work.run.evaluation else None
    return {"curves": path, "eval_digest": digest, "base_eval_loss": _baseline(work, found, digest)}


def of(ledger: Documents, run: Run) -> Curves:
    """Read a run's curves; none where no job has ended yet."""
    path = run.curves
    stored = or_none(lambda: ledger.read(path)) if path else None
    return msgspec.json.decode(stored.data, type=Curves) if stored else {}


def _baseline(
    work: Work, found: Mapping[str, Sequence[tuple[int, float]]], digest: str | None
) -> float | None:
    """Take the loss from before the first step, and keep it; else one kept for the same rows and model."""
    base = work.run.base_model
    if base is None or digest is None:
        return None
    path = f"baselines/{short_digest(base.id, digest, length=32)}.json"
    before = next((value for step, value in found.get(LOSS, ()) if step == 0), None)
    if before is not None:
        kept = Baseline(before, base.id, work.run.job or "")
        work.world.ledger.put(path, msgspec.json.encode(kept))
        return before
    stored = or_none(lambda: work.world.ledger.read(path))
    return msgspec.json.decode(stored.data, type=Baseline).eval_loss if stored else None
