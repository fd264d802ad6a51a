"""`runs`, `show`, `watch`, `endpoints`: what there is and why."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.app import curves, gates, tracing, views
from shared.app.ledger import Ledger
from shared.app.reports import report_of
from shared.cli import output, watching
from shared.datasets.findings import where
from shared.domain.errors import Missing
from shared.domain.tags import INSTALLATION, RECIPE, RUN
from shared.web import run_page

if TYPE_CHECKING:
    from shared.cli.context import Context
    from shared.domain.run import Run
    from shared.ports import Endpoint, World


def runs(context: Context) -> int:
    """List the newest runs."""
    newest = views.lines(Ledger(context.world.ledger), context.args.limit)
    if context.args.json:
        output.as_json(newest)
    else:
        output.table(newest, ["run", "state", "updated", "reason"])
    return 0


def show(context: Context) -> int:
    """Show one run: history, findings, figures, and what to do next."""
    world = context.world
    try:
        run = Ledger(world.ledger).load(context.args.run).run
    except Missing:
        raise watching.missing(context.args.run) from None
    if context.args.report:
        sys.stdout.buffer.write(report_of(world, run.name, "json" if context.args.json else "html"))
        sys.stdout.flush()
        return 0
    if context.args.html:
        page = run_page.render(run, curves.of(world.ledger, run), world.now())
        Path(context.args.html).write_text(page, "utf-8")
        output.progress(f"wrote {context.args.html}")
    if context.args.json:
        output.as_json(views.whole(run) | {"curves": curves.of(world.ledger, run)})
    else:
        _tell(run)
    return 0


def watch(context: Context) -> int:
    """Follow one run until it rests."""
    run = watching.follow(context.world, context.args.run)
    if context.args.json:
        output.as_json(views.line(run))
    if run.problem is not None:
        output.fault(run.problem)
    return watching.exit_code(run)


def endpoints(context: Context) -> int:
    """List every endpoint of the workspace, and whose it is."""
    world = context.world
    rows = []
    for endpoint in world.endpoints.all():
        with suppress(Missing):  # it went after it was listed
            rows.append(_endpoint(world, endpoint))
    if context.args.json:
        output.as_json(rows)
    else:
        output.table(
            [row | _words(row) for row in rows],
            ["endpoint", "state", "whose", "recipe", "traffic", "deployments", "address"],
        )
    return 0


def _endpoint(world: World, endpoint: Endpoint) -> dict[str, Any]:
    ours = endpoint.tags.get(INSTALLATION) == world.installation
    return {
        "endpoint": endpoint.name,
        "state": endpoint.state,
        "whose": "ours" if ours else "not ours",
        "recipe": endpoint.tags.get(RECIPE),
        "run": endpoint.tags.get(RUN),
        "address": endpoint.scoring_url,
        "traffic": dict(endpoint.traffic),
        "deployments": [deployment.name for deployment in world.endpoints.deployments(endpoint.name)],
    }


def _words(row: dict[str, Any]) -> dict[str, str]:
    shares = (f"{name} {share} %" for name, share in row["traffic"].items())
    return {"traffic": ", ".join(shares), "deployments": ", ".join(row["deployments"])}


def _tell(run: Run) -> None:
    output.say(f"{run.name} is {run.state}: {run.reason}")
    for change in run.history:
        figures = ", ".join(f"{key} {value}" for key, value in views.figures(change).items())
        output.say(
            f"  {change.at:%Y-%m-%d %H:%M:%S}  {change.state:<18} {change.reason}"
            + (f"  [{figures}]" if figures else "")
        )
    output.lines(
        f"  {gate.name:<18} {gate.verdict:<8} {gate.found}  [{gate.limit}]" for gate in gates.of(run)
    )
    if run.prepared and run.prepared.since:
        output.say(f"  {run.prepared.since}")
    for found in run.prepared.findings if run.prepared else ():
        place = where(found.get("file", ""), found.get("line"))
        what = f"{place}: {found['found']}; expected {found['expected']}"
        output.say(f"  {found['code']} {found['severity']:<7} {what}")
    for found_before in run.preflight or ():
        output.say(f"  {found_before.code} {found_before.severity:<7} {found_before.message}")
        if found_before.help:
            output.say(f"      {found_before.help}")
    if money := _money(run):
        output.say(f"  {money}")
    for key, value in (("job", run.job), ("model", views.line(run)["model"]), ("endpoint", run.endpoint)):
        if value:
            output.say(f"  {key}: {value}")
    output.lines(f"  endpoint {tracing.ended_said(end)}" for end in run.endpoint_ends)
    if run.problem is not None:  # the end of a log, often: line by line
        output.lines(f"  {line}" for line in str(run.problem).splitlines())


def _money(run: Run) -> str:
    """Say what was foretold, what it came to, and what serving costs."""
    if run.estimate is None:
        return ""
    parts = [run.estimate.said()]
    if run.spent_usd is not None:
        parts.append(f"it took ${run.spent_usd:,.2f}")
    if run.estimate.month is not None:
        parts.append(run.estimate.month.said())
    daily = run.estimate.serving_usd
    parts.append("the price of serving is unknown" if daily is None else f"serving ${daily * 24:,.2f} a day")
    return "; ".join(parts)
