"""What tests tell comes into the table at the end of a test run, once each, from every worker."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from local.layout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """
import pytest
from hypothesis import settings
from hypothesis.stateful import rule

from tests.reliability.counting import Counted, steps_told

CASES = {"life": "first", "points": 3, "cases": 5, "kinds": ["killed"], "broken": 0}


class Walking(Counted):
    @rule()
    def walk(self):
        pass


TestWalking = Walking.TestCase
TestWalking.settings = settings(max_examples=4, stateful_step_count=5)


def test_that_passes(record_property):
    record_property("faults", CASES)


def test_that_fails(record_property):
    record_property("faults", CASES | {"broken": 2})
    assert False


@pytest.fixture
def torn():
    yield
    raise OSError


def test_that_fails_at_its_end(record_property, torn):
    record_property("faults", CASES)
"""


@pytest.mark.parametrize("more", [[], ["-n", "2"]], ids=["alone", "two workers"])
def test_each_test_is_in_the_table_once(tmp_path: Path, more: list[str]) -> None:
    (tmp_path / "test_some.py").write_text(TESTS, "utf-8")
    command = [sys.executable, "-m", "pytest", str(tmp_path), "-c", str(ROOT / "pyproject.toml")]
    command += ["-p", "tests.conftest", "-p", "no:cacheprovider", "--hypothesis-profile", "whole"]
    done = subprocess.run(
        [*command, "--hypothesis-seed", "7", *more],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "first 3 1 15 13 2" in lines, done.stdout + done.stderr
    steps = [int(line.split()[0]) for line in lines if line.endswith("steps of stateful tests")]
    assert len(steps) == 1
    assert steps[0] >= 4 * 5
    assert "Hypothesis's seed: 7 (--hypothesis-seed=7)" in lines
