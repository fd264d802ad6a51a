"""`trace`: one record of a drop, from its bytes to the end of what it set off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared.app import tracing
from shared.cli import output
from shared.domain.trace import PRICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.cli.context import Context
    from shared.domain.trace import Step, Trace

DIGEST = "XXH3-128"


def trace(context: Context) -> int:
    """Tell all runs of a drop, the newest last."""
    found = tracing.traces(context.world, context.args.drop)
    if context.args.json:
        output.as_json({"drop": found[0].drop.path, "runs": msgspec.to_builtins(found)})
        return 0
    for one in found:
        output.say(f"{one.run} is {one.state}: {_total(one)}")
        output.say(f"  {tracing.bills_said(one)}")
        output.lines(f"  {word:<9}{text}" for word, text in _about(one) if text)
        output.table([_row(step) for step in one.steps], ["step", "begun", "lasted", "cost", "by", "made"])
        output.say("")
    output.say(f"Times are UTC. {PRICES}")
    return 0


def _about(found: Trace) -> Iterator[tuple[str, str | None]]:
    """Name what the run was made of: the bytes first."""
    drop, erased = found.drop, found.erased
    yield "drop", f"{drop.path}  {drop.size:,} bytes  ETag {drop.etag}  of {drop.modified:%Y-%m-%d %H:%M:%S}"
    for member in drop.members:
        yield "", f"{member.path}  {member.size:,} bytes  ETag {member.etag}"
    yield "digests", f"{DIGEST} of its bytes  {found.source_digest}" if found.source_digest else None
    yield "", f"{DIGEST} of its rows   {found.data_digest}" if found.data_digest else None
    yield "recipe", found.recipe + (f"  ETag {found.recipe_etag}" if found.recipe_etag else "")
    yield "from", found.base_model
    for end in found.endpoint_ends:
        yield "endpoint", tracing.ended_said(end)
    yield "erased", f"its prepared data, at {erased:%Y-%m-%d %H:%M:%S}" if erased else None


def _row(step: Step) -> dict[str, Any]:
    """Give a line of the table; what cost nothing has no sum."""
    return {
        "step": step.state,
        "begun": f"{step.begun:%Y-%m-%d %H:%M:%S}",
        "lasted": tracing.lasted(step.hours) + ("" if step.ended else " so far"),
        "cost": "" if step.usd == 0 else tracing.dollars(step.usd),
        "by": step.by,
        "made": step.made,
    }


def _total(found: Trace) -> str:
    parts = f"training {tracing.dollars(found.training_usd)}, serving {tracing.dollars(found.serving_usd)}"
    return f"{tracing.dollars(found.total_usd)} ({parts})"
