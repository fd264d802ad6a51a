"""One pass of clean-up: inventory, policy, plan, apply. A dry run is the same path, and ends at the plan."""

from __future__ import annotations

import hashlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shared.app import beside, going, own_requests, saving, sweep_report, taking, telling, vanished
from shared.app import marks as mark_book
from shared.app.inventory import survey
from shared.app.ledger import Ledger
from shared.app.sweep_report import SweepReport
from shared.domain import events
from shared.domain import sweep as policy
from shared.domain.errors import Changed, DroptuneError
from shared.domain.names import short_digest
from shared.domain.sweep import LATER, MARKED, TAKEN, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shared.app.inventory import Survey
    from shared.app.marks import Book
    from shared.domain.sweep import EndpointFacts
    from shared.ports import World

log = logging.getLogger(__name__)
LEAST_AT_ONCE, SHARE_AT_ONCE = 3, 0.25
TAKERS = 4
SECONDS = 240.0  # what is not begun by then waits for the next sweep, a quarter of an hour later


@dataclass
class _Done:
    taken: list[Verdict] = field(default_factory=list)
    errors: dict[str, DroptuneError] = field(default_factory=dict)


def sweep(world: World, *, dry_run: bool, plan_digest: str | None = None) -> SweepReport:
    """Sweep once. With a plan's digest: exactly that plan, or Changed saying that the world is another now.

    One endpoint's failure never stops the others; it stands in the report. Where all fail, the first raises.
    """
    ledger, now = Ledger(world.ledger), world.now()
    if not dry_run:
        going.finish(world, ledger)
    book = mark_book.read(world)
    found = survey(world, ledger, book.empty)
    if not dry_run:
        vanished.write_down(world, ledger, found)
    verdicts = _plan(book, found, now)
    digest = _digest(verdicts)
    _same_plan(plan_digest, digest)
    if not dry_run:
        after = mark_book.after(book, found.verdicts, found.facts, found.errors.keys(), now)
        _mark(world, book, after, verdicts)
        own_requests.forget_old(world)
    if plan_digest is None:
        verdicts = _capped(verdicts, sum(one.ours for one in found.facts.values()), now)
    done = _Done() if dry_run else _apply(world, ledger, verdicts, found.facts)
    saved = saving.read(world)[0] if dry_run else saving.count(world, ledger, done.taken)
    others, unseen = beside.beside(world, ledger)
    done.errors |= unseen
    report = _report(found, verdicts, done, now, digest, dry_run=dry_run)
    report = replace(report, saved_usd=saved.usd(world.now()), beside=others)
    if not dry_run:
        _publish(world, report)
    return report


def _publish(world: World, report: SweepReport) -> None:
    sweep_report.keep(world, report)
    telling.tell_all(world)


def _mark(world: World, before: Book, after: Book, verdicts: list[Verdict]) -> None:
    """Write the marks, new ones into the outbox before that: rather told twice than never.

    Where another sweep's marks count, it is that one's to tell them.
    """
    told = {
        one.key: events.of_sweep("marked", [one], after.marks[one.key], world.installation)
        for one in verdicts
        if one.action == MARKED and one.key not in before.marks
    }
    for mine in told.values():
        telling.put(world, mine)
    if not mark_book.write(world, before, after):
        marks = mark_book.read(world).marks
        for key, mine in told.items():
            if marks.get(key) != after.marks[key]:
                telling.take_back(world, mine)


def _plan(book: mark_book.Book, found: Survey, now: datetime) -> list[Verdict]:
    """Say of each thing what happens to it now: grace and quiet hours, then whole endpoints."""
    timely = mark_book.with_grace(book, found.verdicts, found.facts, now)
    return [
        verdict
        for name, facts in found.facts.items()
        for verdict in policy.joined(facts, [one for one in timely if one.endpoint == name])
    ]


def _same_plan(wanted: str | None, digest: str) -> None:
    if wanted is not None and wanted != digest:
        raise Changed(
            "plan-changed",
            f"The plan is {digest} now, not {wanted}: the world has changed.",
            "Look at the new one: droptune sweep --dry-run",
        )


def _report(
    found: Survey, verdicts: list[Verdict], done: _Done, now: datetime, digest: str, *, dry_run: bool
) -> SweepReport:
    known = [one.saves_monthly_usd for one in done.taken if one.saves_monthly_usd is not None]
    errors = {key: str(error.problem) for key, error in (found.errors | done.errors).items()}
    return SweepReport(
        at=now,
        dry_run=dry_run,
        digest=digest,
        verdicts=tuple(verdicts),
        taken=tuple(done.taken),
        errors=errors,
        saves_monthly_usd=round(sum(known), 2) if known else None,
        unpriced=len(done.taken) - len(known),
    )


def _apply(
    world: World, ledger: Ledger, verdicts: list[Verdict], facts: Mapping[str, EndpointFacts]
) -> _Done:
    """Take what is to be taken, several lanes at a time, one thing of a lane after the other."""
    wanted = [verdict for verdict in verdicts if verdict.action == TAKEN]
    lanes: dict[str, list[Verdict]] = {}
    for one in wanted:
        lanes.setdefault(one.recipe or f"/{one.endpoint}", []).append(one)
    done, ends = _Done(), time.monotonic() + SECONDS

    def of_a_lane(some: list[Verdict]) -> None:
        for one in some:
            if time.monotonic() < ends:
                _take(taking.Deed(world, ledger, facts[one.endpoint], one, ends), done)

    with ThreadPoolExecutor(TAKERS, "take") as pool:
        list(pool.map(of_a_lane, lanes.values()))
    if wanted and len(done.errors) == len(wanted):
        raise next(iter(done.errors.values()))
    return done


def _take(deed: taking.Deed, done: _Done) -> None:
    verdict = deed.verdict
    try:
        if taking.take(deed):
            done.taken.append(verdict)
            log.info("sweep: took %s by rule %s", verdict.key, verdict.rule)
    except DroptuneError as error:
        done.errors[verdict.key] = error
        log.warning("sweep: %s of %s: %s", verdict.rule, verdict.key, error.problem.code)


def _capped(verdicts: list[Verdict], ours: int, now: datetime) -> list[Verdict]:
    """Let at most max(3, 25 %) of what is ours go without a confirmed plan; failed deployments go first."""
    most = max(LEAST_AT_ONCE, int(ours * SHARE_AT_ONCE))
    wanted = {v.endpoint for v in verdicts if v.action == TAKEN}
    later = set(sorted(wanted, key=lambda name: _urgency(verdicts, name, now))[most:])
    why = f"the sweep takes at most {most} at once; take all with droptune sweep --plan DIGEST"
    return [v.but(LATER, why) if v.action == TAKEN and v.endpoint in later else v for v in verdicts]


def _urgency(verdicts: list[Verdict], endpoint: str, now: datetime) -> tuple[bool, str]:
    """Order by need, then differently in each sweep, so that what fails to go keeps nothing from going."""
    failed = any(v.rule == "failed" for v in verdicts if v.endpoint == endpoint and v.action == TAKEN)
    return not failed, short_digest(endpoint, now.isoformat())


def _digest(verdicts: list[Verdict]) -> str:
    """Tell a plan from any other: what would be done with what, not the reasons' ticking figures."""
    lines = sorted(f"{v.key} {v.action} {v.rule}" for v in verdicts)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
