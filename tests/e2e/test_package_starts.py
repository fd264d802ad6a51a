"""What goes to Azure starts from its own folder alone, indexes every function and handles a drop.

For each Python of Azure: `dev.py test --all` builds the libraries beforehand (.droptune/packages); a machine
without that Python gets its wheels' tags checked instead, and says so.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.devtools import package, pythons, setup
from local.layout import ROOT
from local.stack import Stack
from tests.e2e.rig import RECIPES, Rig, chats
from tests.functions.test_function_app import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("package"), pytest.mark.timeout(900)]
# What the local host itself stands on; all of it plain Python, so that any version can read it.
HOSTS_OWN = (
    "croniter",
    "starlette",
    "uvicorn",
    "anyio",
    "h11",
    "click",
    "sniffio",
    "idna",
    "dateutil",
    "pytz",
)


@dataclass(frozen=True)
class Package:
    """A package in a folder, the interpreter for it, and the host that serves it, which is no part of it."""

    folder: Path
    python: Path
    host: Path

    @property
    def interpreter(self) -> list[str]:
        """Run it without any site-packages, be it a virtual environment's."""
        return [str(self.python), "-S"]

    def command(self, *options: object) -> list[str]:
        plain = [str(option) for option in options]
        return [*self.interpreter, "-m", "local.functions_host", "--app-dir", str(self.folder), *plain]

    def env(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Give an environment without anything of this machine: the app's folder and its libraries."""
        path = (self.folder, self.folder / package.LIBRARIES, self.host)
        clean = {"PATH": "/usr/bin:/bin", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return {**clean, **settings, "PYTHONPATH": ":".join(map(str, path))}


@pytest.fixture(params=package.PYTHONS)
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> Package:
    """Today's sources beside the libraries that the set-up built."""
    version: str = request.param
    libraries = setup.PACKAGES / version / package.LIBRARIES
    if not libraries.is_dir():
        pytest.skip("the set-up of dev.py test --all builds the packages")
    assert pythons.misfits(libraries, version) == {}
    python = pythons.find(version)
    if python is None:
        pytest.skip(f"no Python {version} here: each wheel's tag was checked, nothing was started")
    folder, host = tmp_path / "app", tmp_path / "host"
    package.sources(folder)
    (folder / package.LIBRARIES).parent.mkdir(parents=True)
    (folder / package.LIBRARIES).symlink_to(libraries)
    host.mkdir()
    shutil.copytree(ROOT / "local" / "functions_host", host / "local" / "functions_host")
    (host / "local" / "__init__.py").touch()
    here = Path(sysconfig.get_path("purelib"))
    for name in HOSTS_OWN:
        (host / name).symlink_to(here / name)
    return Package(folder, python, host)


def test_it_indexes_every_function_from_its_own_folder(packed: Package) -> None:
    done = subprocess.run(
        packed.command("--index"), env=packed.env({}), capture_output=True, text=True, check=True, timeout=300
    )
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert {one["name"]: one["trigger"] for one in found} == KINDS


def test_all_it_imports_is_its_own(packed: Package) -> None:
    code = (
        "import function_app, sys, sysconfig, json;"
        "from shared import wiring, settings; import shared.adapters.monitor, azure.ai.ml, datasets;"
        "std = sysconfig.get_path('stdlib');"
        "files = {str(m.__file__) for m in list(sys.modules.values()) if getattr(m, '__file__', None)};"
        "print(json.dumps(sorted(f for f in files if not f.startswith(std) or 'site-packages' in f)))"
    )
    done = subprocess.run(
        [*packed.interpreter, "-c", code],
        env=packed.env({}),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        cwd=packed.folder,
    )
    strangers = [one for one in json.loads(done.stdout) if not Path(one).is_relative_to(packed.folder)]
    assert strangers == []


def test_it_takes_a_drop_to_live(packed: Package, tmp_path: Path) -> None:
    with Stack(tmp_path / "stack", foundation="tiny", recipes=RECIPES) as stack, serving(packed, stack):
        rig = Rig(stack)
        run = rig.drop(chats(tmp_path / "first.jsonl", "shop"), "tiny")
        shown = rig.await_state(run, "live", seconds=300)
        assert shown["metrics"]["eval_loss"] > 0


@contextmanager
def serving(packed: Package, stack: Stack) -> Iterator[None]:
    """Serve the package in place of the stack's own host, on its port and with its keys."""
    stack.kill("host")
    port = stack.url("host").rpartition(":")[2]
    options = ("--port", port, "--keys", stack.home / "keys.json", "--queue-lease-seconds", 15)
    log = stack.home / "packed.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            packed.command(*options), env=packed.env(stack.settings), stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        try:
            ready = json.loads((process.stdout.readline() if process.stdout else b"") or b"{}")
            assert ready.get("ready"), log.read_text()[-3000:]
            yield
        finally:
            process.terminate()
            process.wait(60)
