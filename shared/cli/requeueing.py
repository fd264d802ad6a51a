"""`requeue`: what lies in poison, and bring it back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from shared.app import requeue as use_case
from shared.cli import output

if TYPE_CHECKING:
    from shared.cli.context import Context


def requeue(context: Context) -> int:
    """List what failed as often as it may, or bring one or all of it back."""
    world, args = context.world, context.args
    if args.id or args.all:
        found = use_case.requeue(world, context.poison, args.id, context.by)
    else:
        found = use_case.waiting(context.poison)
    if args.json:
        output.as_json([asdict(one) for one in found])
        return 0
    if not found:
        output.say("nothing lies in poison")
        return 0
    columns = ["id", "kind", "run", "drop", "since", *(["did"] if args.id or args.all else [])]
    output.table([asdict(one) for one in found], columns)
    if not (args.id or args.all):
        output.say(
            "Why: droptune show RUN. When that is mended: droptune requeue ID, or droptune requeue --all"
        )
    return 0
