"""A sweep as one self-contained page: what went, what is about to, what stays and why, and the money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.domain.sweep import KEPT, LATER, MARKED, TAKEN, TOLD
from shared.web import pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared.app.sweep_report import SweepReport
    from shared.domain.sweep import Verdict

NOT_OURS = "not-ours"


def render(report: SweepReport, months: Sequence[tuple[str, int, float]]) -> str:
    """Render a sweep's page; months: the month, how many went, what that saves a month."""
    parts = _parts(report)
    return pages.render(
        "sweep.html.j2",
        report=report,
        parts=[(title, told, _rows(some)) for title, told, some in parts if some],
        headline=", ".join(f"{len(some)} {title.lower()}" for title, _, some in parts if some),
        saves=_money(report.saves_monthly_usd) if report.taken else "",
        saved=f"${report.saved_usd:,.0f}",
        months=[(month, count, f"${usd:,.0f}") for month, count, usd in months],
        errors=sorted(report.errors.items()),
    )


def _parts(report: SweepReport) -> list[tuple[str, str, list[Verdict]]]:
    """Part the verdicts by what people must know of them: title, what it means, and which."""

    def of(action: str) -> list[Verdict]:
        return [one for one in report.verdicts if one.action == action]

    wanted, stays = of(TAKEN), of(KEPT)
    taken = {one.key for one in report.taken}
    left = [] if report.dry_run else [one for one in wanted if one.key not in taken]
    return [
        ("Would go", "a sweep now would take these", wanted if report.dry_run else []),
        ("Went", "gone, or being deleted", list(report.taken)),
        ("Left for the next sweep", "busy, used again meanwhile, or out of time", left),
        ("About to go", "when their grace is over, if nothing changes", of(MARKED)),
        ("Later", "stale, but not in this sweep", of(LATER)),
        ("For a person", "the sweep tells of these and takes nothing", of(TOLD)),
        ("Stay", "", [one for one in stays if one.rule != NOT_OURS]),
        ("Not ours", "never touched", [one for one in stays if one.rule == NOT_OURS]),
    ]


def _rows(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """Give the rows of a table, the dearest first."""
    dear = sorted(verdicts, key=lambda one: (-(one.costs_monthly_usd or 0.0), one.key))
    return [
        {
            "thing": one.key.rstrip("/"),
            "rule": one.rule,
            "reason": one.reason,
            "recipe": one.recipe,
            "money": _money(one.costs_monthly_usd),
        }
        for one in dear
    ]


def _money(monthly: float | None) -> str:
    return "unknown" if monthly is None else f"${monthly:,.0f}"
