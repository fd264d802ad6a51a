"""Processes of the app, and the emulator, killed by SIGKILL in the middle of a life, over Azurite.

A life is counted once; then one for each kind of call, killed before its first or after that took effect.
What is left is mended by a new process with the timers alone: no event comes again. Nothing trains: the
registry's component is `noop`, and its model needs no process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from local.layout import ROOT
from local.stack import Stack
from tests.app.life import chats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500), pytest.mark.xdist_group("killed-processes")]
LEAST = 60
MOST_LIVES = 5
WHENS = ("before", "after")
SOUND = {"state": "live", "broken": [], "made": {"jobs": 1, "models": 1, "endpoints": 1, "deployments": 1}}
# Messages that are to come later never come within a life: the timers alone go on.
SETTINGS = {
    "AZUREML_COMPONENT": "noop",
    "EVENTS_TOPIC_URL": "",
    "POLL_SECONDS": "30",
    "POLL_SECONDS_MAX": "30",
    "JOB_POLL_SECONDS": "30",
    "JOB_POLL_SECONDS_MAX": "30",
    "CLAIM_SECONDS": "180",
}
# Where the emulator dies: what it has just acknowledged must be there when it is back.
EFFECTS = (
    "jobs.submit",
    "jobs.metrics",
    "models.register",
    "endpoints.create",
    "endpoints.deploy",
    "endpoints.set_traffic",
)


class Victims:
    """The process that forks those that die, and the stack they work in."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.number = stack, 0
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "tests.reliability.victims"]
        env = stack.env | {"OPENBLAS_NUM_THREADS": "1"}  # NumPy's threads begin at its import, before a fork
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, text=True)
        self.calls = self._count()

    def order(self, **order: Any) -> dict[str, Any]:
        """Give an order and hear how it went."""
        self.say(json.dumps(order))
        return self.hear()

    def say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the victims' process has ended"
        found: dict[str, Any] = json.loads(line)
        return found

    def drop(self) -> str:
        """Put a new recipe and a drop of it into an empty installation: each life makes the same calls."""
        self.number += 1
        recipe = f"k{self.number:03}"
        blobs = {f"recipes/{recipe}.yaml": "", f"datasets/{recipe}/a.jsonl": chats().decode()}
        self.order(put=blobs, clear=["runs", "datasets", "recipes"])
        return f"{recipe}/a.jsonl"

    def live(self, path: str, call: str | None = None, nth: int = 0, when: str = "") -> dict[str, Any]:
        return self.order(live=path, call=call, nth=nth, when=when)

    def killed(self, call: str, when: str) -> list[tuple[dict[str, Any], Any]]:
        """Live until one process dies at its first such call: of each life, how it went and what was found.

        How soon Azure ML is done decides how often it is asked: a life may end without a call that another
        one made. It is no case, must be sound like any other, and the next one is tried.
        """
        lives = list[tuple[dict[str, Any], Any]]()
        while len(lives) < MOST_LIVES and not (lives and lives[-1][0]["killed"]):
            path = self.drop()
            lives.append((self.live(path, call, 0, when), self.mend(path)))
        return lives

    def mend(self, path: str) -> Any:
        return self.order(mend=path)["said"]

    def end(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def _count(self) -> list[str]:
        """Live two lives that nothing disturbs: the first says what is to be imported, the second counts."""
        path = self.drop()
        modules = self.live(path)["said"]["modules"]
        assert self.mend(path) == SOUND
        self.order(**{"import": modules})
        path = self.drop()
        calls: list[str] = self.live(path)["calls"]
        assert self.mend(path) == SOUND
        return calls


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    """Azurite and the emulator alone: no host, no relay, so that nobody else works on the runs."""
    recipes, home = tmp_path_factory.mktemp("recipes"), tmp_path_factory.mktemp("victims")
    with Stack(home, foundation="tiny", recipes=recipes, settings=SETTINGS, azureml=["--noop"]) as stack:
        for part in ("relay", "host"):
            stack.kill(part)
        made = Victims(stack)
        try:
            yield made
        finally:
            made.end()


def test_a_process_killed_at_each_kind_of_call_loses_nothing_and_doubles_nothing(
    victims: Victims, record_property: Callable[[str, object], None]
) -> None:
    points, cases, wrong = list(dict.fromkeys(victims.calls)), 0, list[str]()
    for call in points:
        for when in WHENS:
            lives = victims.killed(call, when)
            cases += lives[-1][0]["killed"]
            told = [f"{died}, then {found}" for died, found in lives if found != SOUND]
            wrong += [f"{call}, killed {when}: {one}" for one in told]
    table = {"life": "first, real processes", "points": len(points), "cases": cases, "broken": len(wrong)}
    record_property("faults", table | {"kinds": [f"SIGKILL {when}" for when in WHENS]})
    assert wrong == []
    assert cases >= LEAST


def test_the_emulator_killed_after_what_it_acknowledged_keeps_it(
    victims: Victims, record_property: Callable[[str, object], None]
) -> None:
    wrong, kinds = list[str](), ["SIGKILL of Azure ML after"]
    for call in EFFECTS:
        path = victims.drop()
        order = {"live": path, "call": call, "nth": 0, "when": "after", "pause": True}
        assert victims.order(**order) == {"paused": True}
        victims.stack.kill("azureml")
        victims.say("go on")
        victims.stack.start_again("azureml")
        lived = victims.hear()
        found = victims.mend(path)
        if found != SOUND or (lived["said"] or {}).get("state") != "live":
            wrong.append(f"{call}: {lived['said']}, then {found}")
    told = {"life": "first, the emulator killed", "points": len(EFFECTS), "cases": len(EFFECTS)}
    record_property("faults", told | {"kinds": kinds, "broken": len(wrong)})
    assert wrong == []
