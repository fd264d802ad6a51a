"""`doctor`: is everything here configured and allowed? Exit 0 sound, 1 something is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from shared.app.doctor import examine
from shared.cli import output
from shared.domain.checkup import AGAIN, Point
from shared.domain.errors import Misconfigured

if TYPE_CHECKING:
    from shared.cli.context import Context

SIGNS = {"ok": "ok", "broken": "BROKEN", "unknown": "?"}


def doctor(context: Context) -> int:
    """Look at everything; say of each broken thing how to mend it, and what this identity may not see."""
    points = []
    for point in _points(context):
        points.append(point)
        if not context.args.json:
            _tell(point)
    lame = sum(point.state == "broken" for point in points)
    unseen = sum(point.state == "unknown" for point in points)
    if context.args.json:
        output.as_json({"sound": not lame, "points": msgspec.to_builtins(points)})
    else:
        output.say(f"{len(points) - lame - unseen} sound, {lame} broken, {unseen} not known")
    return 1 if lame else 0


def _points(context: Context) -> list[Point]:
    try:
        world, (around, account) = context.world, context.surroundings
    except Misconfigured as error:
        return [Point("settings", "broken", error.problem.message, f"{error.problem.help}, {AGAIN}")]
    return [
        Point("settings", "ok", f"of {world.installation} are complete"),
        *examine(world, around, account),
    ]


def _tell(point: Point) -> None:
    output.say(f"{SIGNS[point.state]:<7} {point.check}: {point.said}")
    if point.help:
        output.say(f"        {point.help}")
