"""A whole local stack for a test, and what a test asks of it."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from local.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from local.stack import Stack

RECIPES = Path(__file__).parent / "recipes"


@dataclass
class Rig:
    """One stack with the tiny foundation, and its doors."""

    stack: Stack

    def droptune(self, *args: str, good: Iterable[int] = (0,)) -> Any:
        """Run the command line with --json; what it printed, read."""
        done = self.run(*args, "--json")
        assert done.returncode in set(good), f"{args} ended with {done.returncode}:\n{done.stderr[-3000:]}"
        return json.loads(done.stdout.strip().splitlines()[-1])

    def python(self, code: str) -> None:
        """Run a piece of Python in the stack's environment."""
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=self.stack.env, check=True, timeout=60)

    def run(self, *args: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "shared.cli.main", *args]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=env or self.stack.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )

    def process(self, code: str, *args: str) -> subprocess.Popen[str]:
        """Start a program over the app, that is spoken to line by line."""
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", code, *args]
        return subprocess.Popen(command, cwd=ROOT, env=self.stack.env, stdin=pipe, stdout=pipe, text=True)

    def drop(self, path: Path, recipe: str, *more: str) -> str:
        name: str = self.droptune("drop", str(path), "--recipe", recipe, "--no-check", *more)["run"]
        return name

    def show(self, run: str) -> Any:
        return self.droptune("show", run)

    def prepared(self, path: str) -> bytes:
        """Read a prepared file, as the app does."""
        read = "import sys; from shared import wiring; files = wiring.world().prepared.read(sys.argv[1])"
        code = f"{read}; sys.stdout.buffer.write(b''.join(files))"
        command = [sys.executable, "-c", code, path]
        done = subprocess.run(
            command, cwd=ROOT, env=self.stack.env, capture_output=True, check=True, timeout=60
        )
        return done.stdout

    def await_state(self, run: str, state: str, seconds: float = 150) -> Any:
        """Wait until the run has come to a state; fail at once where it ends in another."""
        ends = {"live", "rejected", "unchanged", "superseded", "retired", "failed", "cancelled"} - {state}

        def look() -> Any:
            done = self.run("show", run, "--json")
            if done.returncode:
                return None
            shown = json.loads(done.stdout)
            assert shown["state"] not in ends, (
                f"{run} is {shown['state']}: {shown['reason']}\n{shown['problem']}"
            )
            return shown if shown["state"] == state else None

        return until(look, seconds, f"{run} is {state}")

    def azureml(self, path: str) -> Any:
        """Ask the Azure ML stand-in's admin API."""
        with self.client() as client:
            return client.get(self.stack.url("azureml") + path).raise_for_status().json()

    def post(self, url: str, body: Any) -> None:
        with self.client() as client:
            client.post(url, json=body).raise_for_status()

    def made_for(self, run: str) -> dict[str, int]:
        """Count what exists in Azure ML for a run."""
        state, shown = self.azureml("/admin/state"), self.show(run)
        model = f"{shown['model']}".split(":", maxsplit=1)[0]
        return {
            "jobs": sum(str(job["name"]).startswith(run) for job in state["jobs"]),
            "models": sum(asset.startswith(f"model {model}:") for asset in state["assets"]),
            "endpoints": sum(endpoint["name"] == shown["endpoint"] for endpoint in state["endpoints"]),
            "deployments": sum(
                one["key"].endswith(f"/{shown['deployment']}") for one in state["deployments"]
            ),
        }

    def client(self) -> httpx.Client:
        context = ssl.create_default_context(cafile=self.stack.settings["REQUESTS_CA_BUNDLE"])
        return httpx.Client(verify=context, trust_env=False, timeout=20)


def until(look: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for something true and return it."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.2)
    return found


def chats(path: Path, topic: str, rows: int = 40) -> Path:
    """Write a small data set about a topic."""
    lines = []
    for n in range(rows):
        messages = [
            {"role": "user", "content": f"{topic} question {n}?"},
            {"role": "assistant", "content": f"{topic} answer {n % 5}."},
        ]
        lines.append(json.dumps({"messages": messages}))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path
