"""Find a Python of a certain version on this machine, and tell which wheels it can use on Azure's Linux."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

GLIBC = 28  # PEP 600: manylinux_2_28; Azure's images have that or newer
OLD_NAMES = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}


def find(version: str) -> Path | None:
    """Find an interpreter, as `3.12`: this one, one on the path, or one that pyenv keeps; None: none is here.

    pyenv's names on the path are shims, which are there whether the version is or not: each is asked.
    """
    for path in _candidates(version):
        command = [str(path), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        except OSError:
            continue
        if done.returncode == 0 and done.stdout.strip() == version:
            return path
    return None


def misfits(libraries: Path, version: str) -> dict[str, list[str]]:
    """Name the installed packages of whose wheel no tag fits this Python on 64-bit Linux, with the tags."""
    found = {}
    for wheel in sorted(libraries.glob("*.dist-info/WHEEL")):
        tags = re.findall(r"^Tag: (\S+)", wheel.read_text("utf-8"), re.MULTILINE)
        if not any(fits(tag, version) for tag in tags):
            found[wheel.parent.name.removesuffix(".dist-info")] = tags
    return found


def fits(tag: str, version: str) -> bool:
    """Tell whether a wheel's tag (PEP 425) fits a CPython on x86-64 Linux, as `3.12`."""
    python, abi, platform = tag.split("-")
    return any(_speaks(one, abi, version) for one in python.split(".")) and any(
        _runs(one) for one in platform.split(".")
    )


def _speaks(python: str, abi: str, version: str) -> bool:
    minor = int(version.partition(".")[2])
    if re.fullmatch(r"py3\d*", python):
        return abi == "none" and int(python[3:] or 0) <= minor
    cpython = re.fullmatch(r"cp3(\d+)", python)
    if cpython is None:
        return False
    built = int(cpython[1])
    return built <= minor if abi == "abi3" else built == minor and abi in {f"cp3{minor}", "none"}


def _runs(platform: str) -> bool:
    if platform == "any":
        return True
    name, _, machine = platform.partition("_")
    if name in OLD_NAMES:
        return machine == "x86_64"
    many = re.fullmatch(r"manylinux_2_(\d+)_x86_64", platform)
    return many is not None and int(many[1]) <= GLIBC


def _candidates(version: str) -> Iterator[Path]:
    yield Path(sys.executable)
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")  # noqa: TID251 - a developer's machine
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)
