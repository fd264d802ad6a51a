"""What the emulator brings up for itself where it is given none: a certificate, an Azurite, a state."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local import tls
from local.azureml import sandbox
from local.azureml.guarded import Guarded
from local.azurite_server import ROOT, find_azurite
from local.processes import free_port, tail

if TYPE_CHECKING:
    import argparse

MODELS = ROOT / ".droptune" / "models"
_LISTENS = re.compile(r"Blob service is successfully listening")
_LIMIT = 60.0
_LOOK = 0.05


@dataclass
class Ground:
    """What an emulator stands on; `ca` is our own authority's certificate, if we made one."""

    state: Path
    cert: Path
    key: Path
    bundle: Path | None
    blob_url: str
    ca: Path | None = None
    azurite: Guarded | None = None
    temporary: bool = False

    def await_storage(self) -> None:
        """Wait until our own Azurite answers.

        Raises:
            SystemExit: it ended, or said nothing for a minute; with the end of its log.

        """
        log, end = self.state / "azurite.log", time.monotonic() + _LIMIT
        while self.azurite and not _LISTENS.search(log.read_text("utf-8") if log.exists() else ""):
            if self.azurite.wait(_LOOK) or time.monotonic() > end:
                raise SystemExit(f"Azurite did not come up. The end of {log}:\n{tail(log)}")

    def leave(self) -> None:
        """End our own Azurite, and take away what was only in memory."""
        if self.azurite:
            self.azurite.stop()
            self.azurite.wait(10)
        if self.temporary:
            shutil.rmtree(self.state, ignore_errors=True)


def ground(asked: argparse.Namespace) -> Ground:
    """Prepare what the options leave open.

    Raises:
        SystemExit: they contradict each other, or Azurite is not installed.

    """
    if bool(asked.state) == bool(asked.in_memory):
        raise SystemExit("Say --state DIR, where to keep everything, or --in-memory, to keep nothing.")
    if bool(asked.cert) != bool(asked.key):
        raise SystemExit("--cert and --key go together; without both, a certificate is made.")
    state = Path(tempfile.mkdtemp(prefix="azureml-")) if asked.in_memory else asked.state.absolute()
    state.mkdir(parents=True, exist_ok=True)
    found = Ground(state, asked.cert, asked.key, asked.ca_bundle, asked.blob_url or "")
    found.temporary = asked.in_memory
    if not asked.cert:
        made = tls.certificates(state / "tls")
        found.cert, found.key, found.ca = made.cert, made.key, made.ca
        found.bundle = found.bundle or made.bundle
    if not found.blob_url:
        _start_azurite(found)
    return found


def _start_azurite(found: Ground) -> None:
    port = free_port(None)
    found.blob_url = f"https://127.0.0.1:{port}/devstoreaccount1"
    options = {
        "--blobPort": port,
        "--queuePort": free_port(None),
        "--tablePort": free_port(None),
        "--location": found.state / "storage",
        "--cert": found.cert,
        "--key": found.key,
        "--oauth": "basic",
    }
    flags = ["--skipApiVersionCheck", "--silent", "--disableTelemetry"]
    words = [str(part) for pair in options.items() for part in pair]
    try:
        command = [*find_azurite(), *words, *flags]
    except FileNotFoundError as fault:
        raise SystemExit(f"{fault}. Or say --blob-url of one that runs.") from fault
    log = found.state / "azurite.log"
    log.write_text("")
    found.azurite = Guarded(command, found.state, sandbox.machine(Path(sys.executable)), log)
