"""The shape of the code: who may import whom, how large a room may be, no local mode in production."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = [
    ROOT / "function_app.py",
    *sorted((ROOT / "functions").rglob("*.py")),
    *sorted((ROOT / "shared").rglob("*")),
]
STAND_INS = re.compile(r"emulator|azurite|localhost|127\.0\.0\.1|local mode|devstoreaccount", re.IGNORECASE)
LONGEST_MODULE = 250
LONGEST_FUNCTION = 30
# Reasoned exceptions: each is a list that reads best in one piece.
LONG_FUNCTIONS: set[str] = set()
SDKS = ("azure.ai", "azure.storage", "azure.identity", "azure.eventgrid")
MAY_USE_FUNCTIONS = {"functions", "function_app.py"}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        path = ROOT / folder
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Every import of a module, and whether it stands at its top, where it is paid for at a cold start."""
    tree = ast.parse(path.read_text("utf-8"))
    guarded = {
        id(inner)
        for node in tree.body
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        top = node in tree.body
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, top


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "path",
    [p for p in PRODUCTION if p.is_file() and p.suffix != ".pyc"],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_production_code_has_no_word_of_a_stand_in(path: Path) -> None:
    found = STAND_INS.search(path.read_text("utf-8"))
    assert found is None, f"{found and found[0]!r}"


def test_only_adapters_know_the_sdks() -> None:
    guilty = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources("functions", "shared", "function_app.py")
        for name, _top in imports(path)
        if name.startswith(SDKS) and "adapters" not in path.parts
    ]
    assert guilty == []


def test_only_triggers_know_azure_functions() -> None:
    guilty = [
        str(path.relative_to(ROOT))
        for path in sources("shared")
        for name, _top in imports(path)
        if name.startswith(("azure.functions", "azurefunctions"))
    ]
    assert guilty == []


def test_azure_ai_is_never_imported_at_a_modules_top() -> None:
    guilty = [
        str(path.relative_to(ROOT))
        for path in sources("functions", "shared", "function_app.py")
        for name, top in imports(path)
        if top and name.startswith("azure.ai")
    ]
    assert guilty == []


def test_function_app_only_registers() -> None:
    lines = (ROOT / "function_app.py").read_text("utf-8").splitlines()
    assert len(lines) < 20
    assert {name for name, _top in imports(ROOT / "function_app.py")} == {"azure.functions", "functions"}


def test_rooms_are_small() -> None:
    large = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in sources("functions", "shared", "local", "function_app.py", "dev.py")
    }
    assert {name: lines for name, lines in large.items() if lines > LONGEST_MODULE} == {}


def test_functions_do_one_thing() -> None:
    long = {}
    for path in sources("functions", "shared", "function_app.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                name = f"{path.relative_to(ROOT)}:{node.name}"
                if lines > LONGEST_FUNCTION and name not in LONG_FUNCTIONS:
                    long[name] = lines
    assert long == {}


def test_no_file_names_a_package_index_or_a_resolved_address() -> None:
    for path in (ROOT / "requirements.txt", *sorted((ROOT / "requirements").iterdir())):
        assert "://" not in path.read_text("utf-8"), path.name
    lock = (ROOT / "local" / "azurite" / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock


def test_the_six_required_packages_are_pinned() -> None:
    pinned = (ROOT / "requirements.txt").read_text("utf-8")
    for name in (
        "azure-functions",
        "azure-ai-ml",
        "azure-identity",
        "azure-storage-blob",
        "azure-eventgrid",
        "datasets",
    ):
        assert re.search(rf"^{name}==", pinned, re.MULTILINE), name
    for name in ("torch", "mlflow", "pytest", "starlette"):
        assert not re.search(rf"^{name}==", pinned, re.MULTILINE), name
