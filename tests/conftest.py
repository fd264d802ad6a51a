"""What all tests share: Hypothesis's profile of a whole test run, and the table at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings

from tests.reliability.table import table, told

if TYPE_CHECKING:
    import pytest

settings.register_profile("whole", print_blob=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests of reliability have tried, where they ran."""
    lines = table(told(terminalreporter.stats))
    seed = terminalreporter.config.getoption("--hypothesis-seed", None)
    if lines:
        lines += [f"Hypothesis's seed: {seed} (--hypothesis-seed={seed})"] if seed else []
        terminalreporter.section("faults tried")
        for line in lines:
            terminalreporter.line(line)
