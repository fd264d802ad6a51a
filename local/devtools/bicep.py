"""Ask checkov about the Bicep, in an environment of its own; a file that it could not read is a failure too.

checkov passes over what it cannot parse and says so in one line ("Parsing errors"): its count is read.
"""

from __future__ import annotations

import json
import subprocess
import venv
from typing import TYPE_CHECKING, Any

from local.devtools.shell import BIN, HOME, ROOT, VENV, quietly, say

if TYPE_CHECKING:
    from pathlib import Path

REQUIREMENTS = ROOT / "requirements" / "checkov.txt"
WHERE = HOME / "checkov"
LEAST = 30  # checks that pass today: fewer, and something was not read


def install() -> None:
    """Make the environment; about 290 MB."""
    venv.create(WHERE, with_pip=True, clear=True)
    pip = WHERE / BIN.relative_to(VENV) / "pip"
    quietly("checkov, which checks the Bicep", [pip, "install", "-r", REQUIREMENTS])


def check() -> int:
    """Run checkov without the network and judge what it says; 0 where nothing failed."""
    program = WHERE / BIN.relative_to(VENV) / "checkov"
    command = [
        program,
        "-d",
        ROOT / "infra",
        "--framework",
        "bicep",
        "--skip-download",
        "-o",
        "json",
        "--compact",
    ]
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, cwd=ROOT
    )
    faults = judged(done.stdout, sorted((ROOT / "infra").rglob("*.bicep")))
    for fault in faults:
        say(f"  {fault}")
    say(f"bicep: {'failed' if faults else 'passed'}")
    return 1 if faults else 0


def judged(text: str, files: list[Path]) -> list[str]:
    """Say what is wrong in checkov's JSON."""
    try:
        found: dict[str, Any] = json.loads(text)
        summary, results = found["summary"], found["results"]
    except (ValueError, KeyError, TypeError):
        return [f"checkov gave no report: {text[:200]!r}. Try again: python3 dev.py test --all"]
    said = [f"checkov could not parse {name}" for name in results.get("parsing_errors") or ()]
    if summary["parsing_errors"] and not said:
        said.append(f"checkov could not parse {summary['parsing_errors']} of {len(files)} files")
    for one in results["failed_checks"]:
        lines = "-".join(str(line) for line in one["file_line_range"])
        said.append(f"{one['check_id']} {one['file_path']}:{lines} {one['resource']}: {one['check_name']}")
    if summary["passed"] < LEAST:
        said.append(f"only {summary['passed']} checks passed, expected {LEAST} or more: was everything read?")
    return said
