"""What is packed for Azure: the sources that run there, and nothing that they would miss."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from local.devtools import package
from local.devtools.shell import Failed

if TYPE_CHECKING:
    from pathlib import Path

LEFT = ("hf_xet", "numpy.f2py", "pyarrow.flight", "pytest", "shared.cli", "local", "tests")


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_sources_are_what_runs_there_and_import_nothing_that_is_left_out(tmp_path: Path) -> None:
    target = tmp_path / "package"
    package.sources(target)
    names = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert {
        "function_app.py",
        "host.json",
        "requirements.txt",
        "functions/web.py",
        "shared/wiring.py",
    } <= names
    assert not [name for name in names if name.startswith("shared/cli") or "__pycache__" in name]
    assert "local.settings.json" not in names
    for path in target.rglob("*.py"):
        left = [name for name in imported(path) for out in LEFT if name == out or name.startswith(f"{out}.")]
        assert left == [], path.relative_to(target)


def test_templates_and_tables_go_with_the_sources(tmp_path: Path) -> None:
    package.sources(tmp_path / "package")
    kinds = {path.suffix for path in (tmp_path / "package" / "shared").rglob("*") if path.is_file()}
    assert {".json", ".j2", ".css"} <= kinds


@pytest.mark.parametrize("words", [["--python"], ["--python", "3.9"], ["3.12"]])
def test_another_python_is_refused_with_the_command(words: list[str]) -> None:
    with pytest.raises(Failed, match=r"dev.py package"):
        package.package(words)
