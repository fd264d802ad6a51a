"""What the tutorials' commands are, without running them: words and options that exist."""

from __future__ import annotations

import contextlib
import io
import shlex

import pytest

from shared.cli.main import parser
from tests.e2e.test_tutorials import ELSEWHERE, PAGES, Step, steps

DEV_WORDS = {"setup", "up", "down", "demo", "test", "env", "package"}
STEPS = [pytest.param(step, id=f"{page}-{n}") for page in PAGES for n, step in enumerate(steps(page))]


def test_there_are_commands() -> None:
    assert len(STEPS) > 30


@pytest.mark.parametrize("step", STEPS)
def test_a_command_is_one_that_exists(step: Step) -> None:
    words = shlex.split(step.line)
    if words[0] == "droptune":
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            try:
                parser().parse_args(words[1:])
            except SystemExit:
                pytest.fail(said.getvalue())
    elif words[:2] == ["python3", "dev.py"]:
        assert words[2] in DEV_WORDS
    else:
        assert step.line.startswith((*ELSEWHERE, "az storage blob upload ", "printf ", "sleep "))
