"""What all tests share: Hypothesis's profile of a whole test run, and the table at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings

from tests.reliability.table import table

if TYPE_CHECKING:
    import pytest

settings.register_profile("whole", print_blob=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests of reliability have tried, where they ran."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, ())
        if getattr(report, "when", "") in {"call", "teardown"}
    ]
    lines = table([found for report in reports for found in report.user_properties])
    seed = terminalreporter.config.getoption("--hypothesis-seed", None)
    if lines:
        lines += [f"Hypothesis's seed: {seed} (--hypothesis-seed={seed})"] if seed else []
        terminalreporter.section("faults tried")
        for line in lines:
            terminalreporter.line(line)
