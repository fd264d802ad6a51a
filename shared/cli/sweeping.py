"""`sweep`, `keep`, `unkeep`, `adopt`: what goes, what stays, and who says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shared.app import keeping, saving
from shared.app.sweep import sweep as sweep_once
from shared.cli import output
from shared.domain.sweep import KEPT, LATER, MARKED, TAKEN, TOLD

if TYPE_CHECKING:
    from shared.app.sweep_report import SweepReport
    from shared.cli.context import Context

ORDER = (TAKEN, MARKED, LATER, TOLD, KEPT)


def sweep(context: Context) -> int:
    """Take away what is stale, or only say what would go."""
    args = context.args
    report = sweep_once(context.world, dry_run=args.dry_run, plan_digest=args.plan)
    if args.html:
        from shared.web import sweep_page

        months = saving.by_month(context.world)
        Path(args.html).write_text(sweep_page.render(report, months), "utf-8")
    if args.json:
        output.as_json(msgspec.json.decode(report.to_json()))
    else:
        _tell(report)
    return 1 if report.errors else 0


def keep(context: Context) -> int:
    """Keep a thing from the sweep, until a day."""
    args = context.args
    ends = keeping.keep(context.world, args.name, args.until, args.reason)
    until = f"until {ends:%F %R} UTC" if ends else "until droptune unkeep"
    told = {"name": args.name, "until": ends.isoformat() if ends else None, "reason": args.reason}
    output.as_json(told) if args.json else output.say(f"{args.name} is kept {until}: {args.reason}")
    return 0


def unkeep(context: Context) -> int:
    """Let the rules decide on a thing again."""
    args = context.args
    keeping.unkeep(context.world, args.name)
    output.as_json({"name": args.name}) if args.json else output.say(f"{args.name}: the rules decide again")
    return 0


def adopt(context: Context) -> int:
    """Take an endpoint that Droptune did not make into its care."""
    args = context.args
    found = keeping.adopt(context.world, args.endpoint, context.by)
    said = f"the sweep minds {args.endpoint} and its {len(found)} deployments now: droptune sweep --dry-run"
    output.as_json({"endpoint": args.endpoint, "deployments": found}) if args.json else output.say(said)
    return 0


def _tell(report: SweepReport) -> None:
    if not report.verdicts and not report.errors:
        output.say("there is no endpoint to look at")
    for verdict in sorted(report.verdicts, key=lambda one: (ORDER.index(one.action), one.key)):
        what = f"{verdict.endpoint}/{verdict.deployment}" if verdict.deployment else verdict.endpoint
        why = f"[{verdict.rule}] {verdict.reason}{_money(verdict.costs_monthly_usd)}"
        output.say(f"{verdict.action:<5} {what}  {why}")
    for one in report.beside:
        output.say(f"tell  [{one.code}] {one.message} {one.help}")
    for name, problem in report.errors.items():
        output.say(f"error {name}  {problem}")
    if report.saved_usd:
        output.say(f"saved in all: ${report.saved_usd:,.0f}")
    if report.dry_run:
        output.say(f"plan {report.digest}; apply exactly this: droptune sweep --plan {report.digest}")


def _money(monthly: float | None) -> str:
    if monthly is None:
        return "  (price unknown)"
    return f"  (${monthly:,.0f} a month)" if monthly else ""
