"""One pass of clean-up: inventory, policy, plan, apply. A dry run is the same path, and ends at the plan."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared.app import marks as mark_book
from shared.app import taking
from shared.app.inventory import inventory
from shared.app.ledger import Ledger
from shared.domain import sweep as policy
from shared.domain.errors import Changed, DroptuneError
from shared.domain.sweep import TAKEN, Verdict

if TYPE_CHECKING:
    from shared.domain.sweep import EndpointFacts
    from shared.ports import World

log = logging.getLogger(__name__)
LEAST_AT_ONCE, SHARE_AT_ONCE = 3, 0.25
LATEST = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class SweepReport:
    """What a sweep found and did. digest: of its plan; errors: by endpoint; taken: what is gone or going."""

    at: datetime
    dry_run: bool
    digest: str
    verdicts: tuple[Verdict, ...]
    taken: tuple[Verdict, ...]
    errors: dict[str, str]
    saves_monthly_usd: float | None

    def to_json(self) -> bytes:
        """Give the report for programs."""
        return msgspec.json.encode(self)


def sweep(world: World, *, dry_run: bool, plan_digest: str | None = None) -> SweepReport:
    """Sweep once. With a plan's digest: exactly that plan, or Changed saying that the world is another now.

    One endpoint's failure never stops the others; it stands in the report. Where all fail, the first raises.
    """
    ledger, now = Ledger(world.ledger), world.now()
    facts = {found.name: found for found in inventory(world, ledger)}
    verdicts = [verdict for found in facts.values() for verdict in policy.judge(found, now)]
    verdicts = mark_book.with_grace(world, verdicts, facts, now, dry_run=dry_run)
    digest = _digest(verdicts)
    if plan_digest is not None and plan_digest != digest:
        raise Changed(
            "plan-changed",
            f"The plan is {digest} now, not {plan_digest}: the world has changed.",
            "Look at the new one: droptune sweep --dry-run",
        )
    if plan_digest is None:
        verdicts = _capped(verdicts, sum(found.ours for found in facts.values()))
    taken, errors = ([], {}) if dry_run else _apply(world, ledger, verdicts, facts)
    report = SweepReport(now, dry_run, digest, tuple(verdicts), tuple(taken), errors, _saving(taken))
    if taken:
        world.ledger.put(_report_name(now), report.to_json())
    return report


def _apply(
    world: World, ledger: Ledger, verdicts: list[Verdict], facts: dict[str, EndpointFacts]
) -> tuple[list[Verdict], dict[str, str]]:
    taken: list[Verdict] = []
    errors: dict[str, str] = {}
    first: DroptuneError | None = None
    wanted = [verdict for verdict in verdicts if verdict.action == TAKEN]
    for verdict in wanted:
        try:
            if taking.take(world, ledger, facts[verdict.endpoint], verdict):
                taken.append(verdict)
                log.info("sweep: took %s by rule %s", verdict.key, verdict.rule)
        except DroptuneError as error:
            errors[verdict.key] = str(error.problem)
            first = first or error
            log.warning("sweep: %s of %s: %s", verdict.rule, verdict.key, error.problem.code)
    if first is not None and len(errors) == len(wanted):
        raise first
    return taken, errors


def _capped(verdicts: list[Verdict], ours: int) -> list[Verdict]:
    """Let at most max(3, 25 %) of what is ours go without a confirmed plan; failed deployments go first."""
    most = max(LEAST_AT_ONCE, int(ours * SHARE_AT_ONCE))
    order = sorted(
        {v.endpoint for v in verdicts if v.action == TAKEN}, key=lambda name: _urgency(verdicts, name)
    )
    later = set(order[most:])
    why = f"the sweep takes at most {most} at once; take all with droptune sweep --plan DIGEST"
    return [
        replace(v, action="later", reason=f"{v.reason}; {why}")
        if v.action == TAKEN and v.endpoint in later
        else v
        for v in verdicts
    ]


def _urgency(verdicts: list[Verdict], endpoint: str) -> tuple[bool, str]:
    failed = any(v.rule == "failed" for v in verdicts if v.endpoint == endpoint and v.action == TAKEN)
    return not failed, endpoint


def _digest(verdicts: list[Verdict]) -> str:
    """Tell a plan from any other: what would be done with what, not the reasons' ticking figures."""
    lines = sorted(f"{v.key} {v.action} {v.rule}" for v in verdicts)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _saving(taken: list[Verdict]) -> float | None:
    known = [v.saves_monthly_usd for v in taken if v.saves_monthly_usd is not None]
    return round(sum(known), 2) if known else None


def _report_name(now: datetime) -> str:
    return f"sweep/reports/{int((LATEST - now) / timedelta(milliseconds=1)):015d}.json"
