"""What is packed for Azure: the sources that run there, and nothing that they would miss."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from local.devtools import package, pythons
from local.devtools.shell import Failed

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


@pytest.mark.parametrize(
    ("tag", "versions"),
    [
        ("py3-none-any", {"3.11", "3.12", "3.13"}),
        ("py2.py3-none-any", {"3.11", "3.12", "3.13"}),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", {"3.11"}),
        ("cp312-cp312-manylinux_2_28_x86_64", {"3.12"}),
        ("cp39-abi3-manylinux2014_x86_64", {"3.11", "3.12", "3.13"}),
        ("cp313-abi3-manylinux_2_28_x86_64", {"3.13"}),
        ("py3-none-manylinux_2_28_x86_64", {"3.11", "3.12", "3.13"}),
        ("cp312-cp312-manylinux_2_34_x86_64", set()),
        ("cp312-cp312-manylinux_2_28_aarch64", set()),
        ("cp312-cp312-musllinux_1_2_x86_64", set()),
        ("cp312-cp312t-manylinux_2_28_x86_64", set()),
        ("cp312-cp312-macosx_11_0_arm64", set()),
        ("cp312-cp312-win_amd64", set()),
        ("pp310-pypy310_pp73-manylinux_2_28_x86_64", set()),
        ("py2-none-any", set()),
    ],
)
def test_a_wheel_s_tag_fits_a_python_on_linux_or_not(tag: str, versions: set[str]) -> None:
    assert {version for version in ("3.11", "3.12", "3.13") if pythons.fits(tag, version)} == versions


def test_wheels_that_do_not_fit_are_named(tmp_path: Path) -> None:
    for name, tag in (("right-1", "py3-none-any"), ("wrong-2", "cp311-cp311-win_amd64")):
        folder = tmp_path / f"{name}.dist-info"
        folder.mkdir()
        (folder / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
    assert pythons.misfits(tmp_path, "3.11") == {"wrong-2": ["cp311-cp311-win_amd64"]}


def test_a_name_on_the_path_that_runs_nothing_is_no_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pyenv's shims, which are there for every version that any of its Pythons has."""
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\necho 'python3.99: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert pythons.find("3.99") is None
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert pythons.find(here) == Path(sys.executable)
