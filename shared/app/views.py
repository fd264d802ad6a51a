"""A run as people and programs see it: the command line and the web show the same."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from shared.app import gates
from shared.app.ledger import Unreadable
from shared.domain import cost as domain_cost
from shared.domain.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.app.ledger import Ledger
    from shared.domain.run import Change, Run

SHARES = frozenset({"traffic", "mirror"})  # figures that are percents, by deployment


def line(run: Run) -> dict[str, Any]:
    """One line of a listing: `{run, recipe, state, reason, updated, job, model, endpoint}`."""
    model = f"{run.model}:{run.model_version}" if run.model and run.model_version else None
    return {
        "run": run.name,
        "recipe": run.recipe_name,
        "state": str(run.state),
        "reason": run.reason,
        "updated": run.updated.isoformat(),
        "job": run.job,
        "model": model,
        "endpoint": run.endpoint,
    }


def lines(ledger: Ledger, limit: int) -> list[dict[str, Any]]:
    """List the newest runs, newest first; one that cannot be read is there too, as `unreadable`."""
    return list(islice(_lines(ledger), limit))


def _lines(ledger: Ledger) -> Iterator[dict[str, Any]]:
    for name in ledger.newest_names():
        try:
            yield line(ledger.load(name).run)
        except Missing:
            continue
        except Unreadable as error:
            empty = dict.fromkeys(("recipe", "updated", "job", "model", "endpoint"))
            yield {"run": name, **empty, "state": "unreadable", "reason": str(error)}


def figures(change: Change) -> dict[str, str]:
    """Give the figures of a change for people; shares of the traffic as percents."""
    return {key: _said(value, " %" if key in SHARES else "") for key, value in change.figures.items()}


def _said(value: object, unit: str) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(part, unit)}" for name, part in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return " / ".join(_said(part, unit) for part in value)
    return (f"{value:,.4g}" if isinstance(value, float) else str(value)) + unit


def whole(run: Run) -> dict[str, Any]:
    """Everything: the line with `history, findings, metrics, cost` and what belongs to them."""
    details: dict[str, Any] = {
        "drop": run.drop,
        "problem": run.problem,
        "history": run.history,
        "preflight": run.preflight or (),
        "metrics": run.metrics,
        "tokens": run.tokens,
        "base_eval_loss": run.base_eval_loss,
        "compared": run.compared,
        "gates": gates.of(run),
        "questions": run.smoke or (),
        "deployment": run.deployment,
        "endpoint_ends": run.endpoint_ends,
        "base_model": run.base_model.id if run.base_model else None,
        "same_as": run.same_as,
        "erased": run.erased,
        "due": run.due,
        "failing_since": run.failing_since,
        "cost": cost(run),
    }
    plain: dict[str, Any] = msgspec.to_builtins(details | _data(run))
    return line(run) | plain


def _data(run: Run) -> dict[str, Any]:
    """Tell what validation made of the drop."""
    prepared = run.prepared
    return {
        "rows": prepared.rows if prepared else None,
        "since": prepared.since if prepared else "",
        "findings": prepared.findings if prepared else (),
        "findings_by_code": prepared.counts if prepared else {},
        "data_digest": prepared.data_digest if prepared else None,
        "prepared": prepared.folder if prepared else None,
    }


def cost(run: Run) -> dict[str, Any] | None:
    """Tell what training was foretold to cost and did cost, and what serving takes; None: unknown yet."""
    known = run.estimate
    if run.recipe is None or (known is None and run.deployment is None):
        return None
    serving, took = run.recipe.serving, run.spent_usd
    if took is None and run.ended:  # its job failed, or was cancelled
        took = domain_cost.spent(run, run.updated)
    return {
        "instance_type": serving.instance_type,
        "instance_count": serving.instance_count,
        "training_usd": took,
        "foretold_usd": known.usd if known else None,
        "foretold_hours": known.hours if known else None,
        "basis": known.basis if known else None,
        "serving_usd_a_day": round(known.serving_usd * 24, 2) if known and known.serving_usd else None,
    }
