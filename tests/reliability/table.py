"""The fault table at the end of a test run: points, cases, kinds, what recovered, what is broken.

Tests tell what they tried with `record_property`; pytest brings it from every worker to where it is printed.
faults: {life, points, cases, kinds, broken}; steps: of a stateful test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEAD = ("life", "points", "kinds", "cases", "recovered", "broken")


def told(stats: Mapping[str, Sequence[Any]]) -> list[tuple[str, Any]]:
    """Take what each test has told, once, out of pytest's reports by category.

    The report of a test's tear-down holds all of it, and stands under "" where it passed, else under "error".
    """
    reports = [report for found in stats.values() for report in found]
    torn_down = [report for report in reports if getattr(report, "when", None) == "teardown"]
    return [found for report in torn_down for found in report.user_properties]


def table(properties: Sequence[tuple[str, Any]]) -> list[str]:
    """Make the lines of the table; none where nothing was tried."""
    lives: dict[str, dict[str, Any]] = {}
    for told in (value for name, value in properties if name == "faults"):
        life = lives.setdefault(told["life"], {"points": 0, "cases": 0, "broken": 0, "kinds": set()})
        life["points"] = max(life["points"], told["points"])
        life["kinds"] |= set(told["kinds"])
        for key in ("cases", "broken"):
            life[key] += told[key]
    steps = sum(value for name, value in properties if name == "steps")
    rows = [_row(name, life) for name, life in lives.items()]
    if rows:
        rows.append(_sum(lives))
    lines = [_line(row) for row in ([HEAD, *rows] if rows else [])]
    return lines + ([f"{steps:,} steps of stateful tests"] if steps else [])


def _row(name: str, life: dict[str, Any]) -> tuple[str, ...]:
    recovered = life["cases"] - life["broken"]
    figures = (life["points"], len(life["kinds"]), life["cases"], recovered, life["broken"])
    return (name, *(f"{figure:,}" for figure in figures))


def _sum(lives: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    whole: dict[str, Any] = {
        key: sum(life[key] for life in lives.values()) for key in ("points", "cases", "broken")
    }
    whole["kinds"] = set[str]().union(*(life["kinds"] for life in lives.values()))
    return _row("all", whole)


def _line(row: Sequence[str]) -> str:
    return f"{row[0]:<24}" + "".join(f"{cell:>11}" for cell in row[1:])
