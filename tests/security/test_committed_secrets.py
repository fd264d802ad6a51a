"""No secret is committed: every file is read for what looks like one, by the check's own rules (DT503).

Those are detect-secrets' kinds and more (shared/datasets/secret_kinds.py), held by tests of their own.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from shared.datasets.secrets import secrets

ROOT = Path(__file__).parents[2]
# What the tests of the scanner itself are made of.
MADE_UP = (
    "tests/datasets/",
    "tests/cli/test_check_command.py",
    "docs/checks/",
    "tests/security/test_committed_secrets.py",
)


def committed() -> list[Path]:
    """List the files that git knows; everything, where this is no checkout."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    names = [name for name in done.stdout.split("\0") if name]
    if not names:
        skipped = {".git", ".venv", ".droptune", "node_modules", "build"}
        found = (path for path in ROOT.rglob("*") if path.is_file())
        return [path for path in found if not skipped & set(path.relative_to(ROOT).parts)]
    return [ROOT / name for name in names]


def test_no_file_holds_what_looks_like_a_secret() -> None:
    found = []
    files = committed()
    for path in files:
        name = str(path.relative_to(ROOT))
        if name.startswith(MADE_UP) or not path.is_file():
            continue
        text = path.read_text("utf-8", "replace")
        found += [
            f"{name}:{number}: {kind}"
            for number, line in enumerate(text.splitlines(), 1)
            if len(line) < 20_000
            for kind, _begins in secrets(line)
        ]
    assert len(files) > 500
    assert found == []


@pytest.mark.parametrize("name", ["local.settings.json", ".droptune", ".env"])
def test_what_holds_settings_is_ignored_and_not_committed(name: str) -> None:
    assert not [path for path in committed() if name in path.relative_to(ROOT).parts]
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert name in [line.rstrip("/") for line in ignored]
