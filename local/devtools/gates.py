"""Lint, types, imports, tests."""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING

from local.devtools import bicep, setup
from local.devtools.shell import BIN, PYTHON, say, shown

if TYPE_CHECKING:
    from pathlib import Path

GATES: tuple[tuple[str, list[str | Path]], ...] = (
    ("ruff", [BIN / "ruff", "check", "."]),
    ("format", [BIN / "ruff", "format", "--check", "."]),
    ("imports", [BIN / "lint-imports"]),
    ("types", [BIN / "mypy", "."]),
)


def lint() -> int:
    """Run every gate, even after one has failed; 0 where all pass."""
    failed = []
    for name, command in GATES:
        begun = time.monotonic()
        if shown(command):
            failed.append(name)
        say(f"{name}: {'failed' if name in failed else 'passed'} in {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def test(*, whole: bool, more: list[str]) -> int:
    """Run the gates, then the tests; without --all those marked slow are left out."""
    code = lint()
    if code:
        say("The gates failed; mend them first, then: python3 dev.py test")
        return code
    if whole:
        setup.clients()
        if bicep.check():
            return 1
    # Heavy libraries use every core by themselves, and several tests run at once.
    os.environ.setdefault("TRAINER_THREADS", "1")  # noqa: TID251 - a program's edge
    which = _whole() if whole else ["-m", "not slow"]
    return shown([PYTHON, "-m", "pytest", "-n", "auto", "--dist", "loadgroup", *which, *more])


def _whole() -> list[str]:
    """Say how a whole run differs: more steps of the stateful tests, by a seed that is printed at the end."""
    return ["--hypothesis-profile", "whole", "--hypothesis-seed", str(secrets.randbelow(2**32))]
