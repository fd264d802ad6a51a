"""Build what goes to Azure: sources that run there, and the locked packages for Linux and one Python.

The deployment's remote build ends after 60 seconds, and the full set is large; so it is built here,
and azd uploads it as it is (azure.yaml). uv reads the lock's markers for the Python that will run there; pip
does not.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from local.devtools import pythons
from local.devtools.shell import ROOT, Failed, quietly, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFAULT = "3.12"
PYTHONS = ("3.11", "3.12")
NEWEST = "3.13"  # the requirements install there too; the app is not built for it
PLATFORM = "x86_64-manylinux_2_28"
SOURCES = ("function_app.py", "host.json", "requirements.txt", "functions", "shared")
LEFT_OUT = ("__pycache__", "cli")
LIBRARIES = Path(".python_packages", "lib", "site-packages")
# What nothing there imports: wheels' own tests, headers and stubs, pyarrow's network service and doubled
# library, an accelerator of downloads. tests/local/test_package.py holds the sources to it.
LUMBER = (
    "pandas/tests",
    "numpy/*/tests",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/f2py",
    "pyarrow/tests",
    "pyarrow/include",
    "pyarrow/src",
    "pyarrow/*flight*",
    "pyarrow/libarrow_python.so",
    "pyarrow/libarrow_python.so.*.*.*",
    "pyarrow/**/*.pxd",
    "pyarrow/**/*.pyx",
    "hf_xet*",
    "**/*.pyi",
)
# Compiled when first imported, if ever: the app itself does not.
RARE = r"/(pandas|datasets|huggingface_hub|multiprocess|dill|fsspec|werkzeug|oauthlib|apprise/plugins)/"
MB = 1_000_000
MOST_MB, MOST_ZIPPED_MB = 400, 110
TOLD = 6


def package(words: Sequence[str]) -> int:
    """Build `build/package` and its zip. words: `--python 3.12`."""
    python = words[1] if len(words) == 2 and words[0] == "--python" else "" if words else DEFAULT  # noqa: PLR2004
    if python not in PYTHONS:
        raise Failed(
            f"{' '.join(words)!r} is not --python {' or '.join(PYTHONS)}. Try: python3 dev.py package"
        )
    target = ROOT / "build" / "package"
    libraries = build(target, python)
    whole, zipped = size(target), _zip(target, ROOT / "build" / f"droptune-py{python}.zip")
    say(
        f"{target}: {whole / MB:.0f} MB (at most {MOST_MB}), "
        f"zipped {zipped / MB:.0f} MB (at most {MOST_ZIPPED_MB})"
    )
    heaviest = sorted(((size(path), path.name) for path in libraries.iterdir()), reverse=True)[:TOLD]
    say("heaviest: " + ", ".join(f"{name} {bytes_ / MB:.0f} MB" for bytes_, name in heaviest))
    if whole > MOST_MB * MB or zipped > MOST_ZIPPED_MB * MB:
        say("That is above the budget; it works all the same, and starts more slowly.")
    return 0


def build(target: Path, python: str) -> Path:
    """Build a package in a folder, and give where its libraries lie; raises Failed."""
    shutil.rmtree(target, ignore_errors=True)
    sources(target)
    libraries = target / LIBRARIES
    _install(libraries, python)
    for path in [path for pattern in LUMBER for path in libraries.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    wrong = pythons.misfits(libraries, python)
    if wrong:
        raise Failed(
            f"These wheels do not fit Python {python} on Linux: {wrong}. Look at requirements/runtime.in, "
            "then: python3 dev.py lock"
        )
    _compile(target, python)
    return libraries


def would_install(python: str) -> None:
    """Resolve requirements.txt for a Python on Linux, every wheel and what each wants; raises Failed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*_uv(Path(folder)), "--dry-run", "--target", Path(folder) / "target"]
        what = f"requirements.txt for Python {python} on Linux, resolved alone"
        quietly(what, [*command, *_for(python), "-r", ROOT / "requirements.txt"])


def sources(target: Path) -> None:
    """Copy what runs there; the command line and all that stands in for Azure stay here."""
    target.mkdir(parents=True)
    for name in SOURCES:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, target / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
        else:
            shutil.copy(path, target / name)


def size(path: Path) -> int:
    """Count the bytes of a file or of all files below a folder."""
    return path.stat().st_size if path.is_file() else sum(one.stat().st_size for one in _files(path))


def _files(path: Path) -> Iterator[Path]:
    return (one for one in sorted(path.rglob("*")) if one.is_file())


def _install(libraries: Path, python: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [*_uv(Path(folder)), "--target", libraries, "--no-deps", "--link-mode", "copy"]
        what = f"the locked packages for Python {python} on Linux"
        quietly(what, [*command, *_for(python), "-r", ROOT / "requirements.txt"])


def _uv(folder: Path) -> list[str | Path]:
    venv.create(folder, with_pip=True)
    pip, uv = folder / "bin" / "pip", folder / "bin" / "uv"
    quietly("uv", [pip, "install", "uv"])
    return [uv, "pip", "install"]


def _for(python: str) -> list[str | Path]:
    return ["--python-version", python, "--python-platform", PLATFORM, "--only-binary", ":all:"]


def _compile(target: Path, python: str) -> None:
    """Compile beforehand: the app's folder is read-only there, and sources cost seconds at each start."""
    interpreter = pythons.find(python)
    if interpreter is None:
        say(f"  no Python {python} on this machine: nothing is compiled beforehand, cold starts are slower")
        return
    command = [str(interpreter), "-W", "ignore::SyntaxWarning", "-m", "compileall", "-q", "-x", RARE]
    command += ["--invalidation-mode", "unchecked-hash", str(target)]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)


def _zip(target: Path, archive: Path) -> int:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as into:
        for path in _files(target):
            into.write(path, path.relative_to(target).as_posix())
    return archive.stat().st_size
