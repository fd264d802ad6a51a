"""The local stack: Azurite, the Azure ML emulator, the functions host, the event relay.

`dev.py up` drives it; tests use `Stack` with a folder of their own. Ports, keys and the installation's id are
chosen once and kept, so that state survives a restart.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from local import processes
from local.layout import DELAYS, PORTS, ROOT, USUAL, Extent, Layout
from local.processes import Child

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Stack:
    """One stack in one folder. settings: the app's that differ from the local defaults.

    azureml: more options of the Azure ML emulator, as `--noop`.
    """

    def __init__(
        self,
        home: Path,
        *,
        foundation: str = "small",
        settings: Mapping[str, str] | None = None,
        recipes: Path = ROOT / "recipes",
        azureml: Sequence[str] = (),
        extent: Extent = USUAL,
    ) -> None:
        self.home, self._recipes = home, recipes
        home.mkdir(parents=True, exist_ok=True)
        delays = {**DELAYS, **(settings or {})}
        self.layout = Layout(home, self._choose_ports(), foundation, delays, azureml, extent)

    @property
    def settings(self) -> dict[str, str]:
        """The settings that lead any program to this stack; `env` file and environment hold them."""
        return self.layout.settings

    @property
    def env(self) -> dict[str, str]:
        """This process's environment with those settings over it."""
        return self.layout.env

    def url(self, name: str) -> str:
        """Give the address of a part: blob, queue, azureml, host, host-2, relay."""
        return self.layout.url(name)

    def logs(self, name: str) -> Path:
        """Give the log file of a process."""
        return self.layout.logs(name)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def running(self) -> dict[str, Child]:
        """Find the processes of this stack that live."""
        path = self.home / "stack.json"
        saved = json.loads(path.read_text()) if path.exists() else {}
        found = {name: Child(name, one["pid"], one["born"]) for name, one in saved.items()}
        return {name: child for name, child in found.items() if child.alive()}

    def start(self) -> bool:
        """Start what is not running and wait until all is ready; tell whether all was running already."""
        children = self.running()
        missing = [name for name in self.layout.order if name not in children]
        try:
            for name in ("azurite", "azureml"):
                if name in missing:
                    self._start(name, children)
            if {"azurite", "azureml"} & set(missing):
                self._provision()
            for name in missing:
                if name not in children:
                    self._start(name, children)
        except BaseException:
            for name in missing:
                if name in children:
                    children[name].end(kill=True)
            raise
        env_file = self.home / "env"
        env_file.write_text("".join(f"{key}={value}\n" for key, value in self.settings.items()))
        env_file.chmod(0o600)
        return not missing

    def stop(self) -> list[str]:
        """End every process, the last started first; name those that were ended."""
        children = self.running()
        ended = [name for name in reversed(self.layout.order) if name in children]
        for name in ended:
            children[name].end()
        self._save({})
        return ended

    def kill(self, name: str) -> None:
        """End one process with SIGKILL."""
        self.running()[name].end(kill=True)

    def start_again(self, name: str) -> None:
        """Start one process that was ended, and wait until it is ready."""
        self._start(name, self.running())

    def _start(self, name: str, children: dict[str, Child]) -> None:
        log = self.logs(name)
        offset = log.stat().st_size if log.exists() else 0
        child = processes.start(name, self.layout.command(name), self.env, log, ROOT)
        children[name] = child
        self._save(children)
        wanted = "Table service is successfully listening" if name == "azurite" else '"ready": true'
        processes.await_line(child, log, offset, wanted)

    def _provision(self) -> None:
        options = ["--foundation", str(self.layout.foundation)] if self.layout.foundation.is_dir() else []
        command = [sys.executable, "-m", "local.provision", str(self._recipes), *options]
        done = subprocess.run(command, env=self.env, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise processes.NotReady(f"Containers and recipes could not be made:\n{done.stderr[-2000:]}")

    def _choose_ports(self) -> dict[str, int]:
        """Choose ports once; later starts keep them, unless another program has taken one meanwhile."""
        path = self.home / "ports.json"
        saved: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        if not (saved and self.running()):
            saved = {name: processes.free_port(saved.get(name)) for name in PORTS}
        saved |= {name: processes.free_port(None) for name in PORTS if name not in saved}
        path.write_text(json.dumps(saved))
        return saved

    def _save(self, children: Mapping[str, Child]) -> None:
        plain = {name: {"pid": child.pid, "born": child.born} for name, child in children.items()}
        (self.home / "stack.json").write_text(json.dumps(plain))
