"""Commands that change something: approve, reject, cancel, retry, ask, rollback, revive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from shared.app import forgetting, own_requests, people, views
from shared.app.ledger import Ledger
from shared.app.reviving import revive as bring_back
from shared.app.rollback import rollback as roll_back
from shared.cli import output
from shared.domain.errors import Permanent

if TYPE_CHECKING:
    from shared.cli.context import Context


def person(context: Context) -> int:
    """Cancel, approve, reject or retry a run."""
    world, args = context.world, context.args
    if args.command == "retry":
        run = people.retry(world, args.run, context.by)
    else:
        run = people.wish(world, args.run, args.command, context.by, args.reason)
    said = f"{run.name}: {args.command} is noted; follow it with droptune watch {run.name}"
    output.as_json(views.line(run)) if args.json else output.say(said)
    return 0


def ask(context: Context) -> int:
    """Put a question to a recipe's champion."""
    world, args = context.world, context.args
    champion = Ledger(world.ledger).lane(args.recipe).lane.champion
    if champion is None:
        raise Permanent(
            "nothing-live", f"No model of {args.recipe!r} is live.", "See what there is: droptune runs"
        )
    own_requests.note(world, champion.endpoint, champion.deployment)
    messages = [{"role": "user", "content": args.text}]
    answer = world.endpoints.ask(champion.endpoint, messages, champion.deployment)
    output.as_json({"recipe": args.recipe, "answer": answer}) if args.json else output.say(answer)
    return 0


def rollback(context: Context) -> int:
    """Give a recipe's traffic back to its previous deployment."""
    world, args = context.world, context.args
    champion = roll_back(world, context.timing, args.recipe, context.by)
    model = f"{champion.model}:{champion.model_version}"
    said = f"{champion.deployment} ({model}) has the traffic of {champion.endpoint}"
    output.as_json(msgspec.to_builtins(champion)) if args.json else output.say(said)
    return 0


def revive(context: Context) -> int:
    """Bring a retired model back into service."""
    world, args = context.world, context.args
    run = bring_back(world, args.recipe, context.by, args.version)
    said = (
        f"{run.name} is {run.state} ({run.model}:{run.model_version}); follow it: droptune watch {run.name}"
    )
    output.as_json(views.line(run)) if args.json else output.say(said)
    return 0


def forget(context: Context) -> int:
    """Erase what was made of a drop, and name the models that were trained on it."""
    world, args = context.world, context.args
    found = forgetting.forget(world, args.drop, context.by, dry_run=args.dry_run)
    if args.json:
        output.as_json(vars(found))
        return 0
    would = "would be " if args.dry_run else ""
    output.say(f"{len(found.files)} files of {len(found.runs)} runs {would}erased: {', '.join(found.runs)}")
    for model in found.models:
        output.say(f"  {model} was trained on it and stays registered")
    output.say(f"  the file {found.drop} itself is yours: delete it in the container datasets")
    return 0
