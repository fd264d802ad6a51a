"""Two instances of the app over one storage, and what a test does to them and asks of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from local.layout import ROOT, SECOND, Extent
from local.stack import Stack
from tests.bench.load import MADE
from tests.bench.load_client import rows
from tests.e2e.rig import Rig, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FIRST = "host"
HOSTS = (FIRST, SECOND)
CLAIM_SECONDS = 20
HELD_SECONDS = 12  # shorter than what is left of a claim when a call begins, and than a call may take
SCHEDULES = {"reconcile_runs": 3, "clean_endpoints": 10}  # seconds between two ticks
LIMIT = 300.0
SETTINGS = {
    "AZUREML_COMPONENT": "noop",
    "RECONCILE_SCHEDULE": f"*/{SCHEDULES['reconcile_runs']} * * * * *",
    "SWEEP_SCHEDULE": f"*/{SCHEDULES['clean_endpoints']} * * * * *",
    "LISTING_SECONDS": "5",
    "DROP_AGE_SECONDS": "3",
    "OVERDUE_SECONDS": "3",
    "POLL_SECONDS": "1",
    "POLL_SECONDS_MAX": "3",
    "JOB_POLL_SECONDS": "2",
    "JOB_POLL_SECONDS_MAX": "5",
    "CLAIM_SECONDS": str(CLAIM_SECONDS),
}
CALLED = re.compile(r"function=(\w+) invocation=\S+ outcome=succeeded")
ASKED = re.compile(r'"(?:GET|PUT|POST|DELETE|HEAD) /devstoreaccount1/([a-z-]+)')


class TwoHosts:
    """A stack with two hosts: both hear every event, both timers tick, both take from the same queues."""

    def __init__(self, folder: Path, recipes: Path) -> None:
        self.stack = Stack(
            folder,
            foundation="tiny",
            settings=SETTINGS,
            recipes=recipes,
            azureml=["--noop", "--jobs-at-once", "8"],
            extent=Extent(second_host=True, access_log=True),
        )
        self.rig = Rig(self.stack)

    def start(self) -> None:
        self.stack.start()
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "tests.e2e.witness"]
        self._witness = subprocess.Popen(
            command, cwd=ROOT, env=self.stack.env, stdin=pipe, stdout=pipe, text=True
        )

    def stop(self) -> None:
        with self._witness:  # its end of the pipe is closed, so it ends
            pass
        self.stack.stop()

    @contextmanager
    def stopped(self, host: str) -> Iterator[None]:
        """Let a host stand still meanwhile, in the middle of whatever it does."""
        self._signal(host, signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(host, signal.SIGCONT)

    def ask(self, **order: Any) -> Any:
        """Give the witness an order."""
        assert self._witness.stdin
        assert self._witness.stdout
        self._witness.stdin.write(json.dumps(order) + "\n")
        self._witness.stdin.flush()
        line = self._witness.stdout.readline()
        assert line, "the witness has ended"
        return json.loads(line)

    def drop(self, path: str, data: int, *, retrain: bool = False) -> str:
        """Drop data set number `data`; gives the name of its run."""
        run: str = self.ask(drop=path, data=rows(data).decode(), retrain=retrain)["run"]
        return run

    def runs(self) -> dict[str, dict[str, Any]]:
        return {run["name"]: run for run in self.ask(look=True)["runs"]}

    def await_run(self, name: str, is_so: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        """Wait until something is so of a run."""

        def look() -> dict[str, Any] | None:
            run = self.runs().get(name)
            return run if run is not None and is_so(run) else None

        found: dict[str, Any] = until(look, LIMIT, f"{name} {what}")
        return found

    def await_rest(self, *names: str) -> dict[str, dict[str, Any]]:
        """Wait until all have ended, all is told, and the sweep has taken what is not live any more."""

        def look() -> list[dict[str, dict[str, Any]]]:
            seen = self.ask(look=True)
            runs = {run["name"]: run for run in seen["runs"]}
            going = [name for name in names if name not in runs or not runs[name]["ended"]]
            going += [name for name, run in runs.items() if run["state"] == "superseded" and _served(run)]
            live = sum(run["state"] == "live" for run in runs.values())
            deployed = len(self.rig.azureml("/admin/state")["deployments"])
            return [] if going or seen["waiting"] or live != deployed else [runs]

        found: list[dict[str, dict[str, Any]]] = until(look, LIMIT, f"{', '.join(names)} rest")
        return found[0]

    def broken(self) -> list[str]:
        """Give every invariant that does not hold."""
        with self.rig.client() as client:
            events = client.get(f"{self.stack.url('relay')}/admin/events").json()["published"]
        found: list[str] = self.ask(judge=[event["id"] for event in events])["broken"]
        return found

    def made(self) -> dict[str, int]:
        """Count the calls that make something, as Azure ML heard them."""
        calls = self.rig.azureml("/admin/requests")["calls"]
        return {what: calls.get(route, 0) for what, route in MADE.items()}

    def hold_next_job(self) -> None:
        """Let Azure ML keep the next call that makes a job waiting; the call is made then all the same."""
        fault = {"route": MADE["jobs"], "status": 0, "delay": HELD_SECONDS}
        self.rig.post(f"{self.stack.url('azureml')}/admin/faults", fault)

    def holds(self) -> bool:
        """Tell whether that call has come."""
        return not self.rig.azureml("/admin/faults")

    def lost(self) -> int:
        """Count the claims that workers found lost; each may have cost one call that was made twice."""
        return sum(self.log(host).count("taken over by another worker") for host in HOSTS)

    def calls(self, host: str, since: int = 0) -> list[str]:
        """Name the functions that a host has called, from a place of its log on."""
        return CALLED.findall(self.log(host)[since:])

    def _signal(self, name: str, sign: signal.Signals) -> None:
        os.kill(self.stack.running()[name].pid, sign)

    def log(self, name: str) -> str:
        return self.stack.logs(name).read_text("utf-8", "replace")

    def await_ticks(self, host: str, since: int, ticks: int = 2) -> None:
        """Wait until a host's minute timer has ticked so often since that place of its log."""

        def ticked() -> bool:
            return self.calls(host, since).count("reconcile_runs") >= ticks

        until(ticked, LIMIT, f"{host} ticks")


def _served(run: dict[str, Any]) -> bool:
    return any(state == "live" for _at, state in run["changes"])
