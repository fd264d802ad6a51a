"""Rollouts on the emulator: a real door, real shares, real figures, and people who ask all the time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from shared.app.people import wish
from shared.app.reviving import revive
from shared.app.rollback import rollback
from shared.domain.run import State
from shared.domain.timing import Timing
from tests.contract.rigs import EmulatorRig, emulator_rig, unique
from tests.contract.runs import Runs, chats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.domain.run import Run

# The SDK itself and what it imports warn in many places: that is not what is tested here.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("rollout")]

STEPS = "serving: {rollout: [30, 60, 100], step_minutes: 0.05, min_requests: 5, little_traffic: wait}\n"
# The models of these seeds answer five questions as others do.
BREAKS = "training: {seed: 5}\nevaluation: {general: null}\n"
SLOWS = "training: {seed: 6}\nevaluation: {general: null}\n"
# So many requests that faults are among them, whatever is taken out as our own and however slow the day.
FAILS = STEPS.replace("min_requests: 5", "min_requests: 25") + BREAKS
QUESTION = {"input_data": {"input_string": [{"role": "user", "content": "Hi"}], "parameters": {}}}
ENOUGH = 5.0  # seconds; Must show 3 of the issue


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorRig]:
    with (
        pytest.MonkeyPatch.context() as patch,
        emulator_rig(tmp_path_factory.mktemp("rollout"), patch) as world,
    ):
        yield world


class Served:
    """A recipe with a champion, a client that asks all the time, and the challengers that a test drops."""

    def __init__(self, rig: EmulatorRig) -> None:
        self.rig = rig
        self.runs = Runs(rig, unique("rollout"), STEPS)
        self.old = self.runs.ended(self.runs.drop())
        assert self.old.state is State.LIVE, self.old.reason
        self.answers: Counter[tuple[str, int]] = Counter()

    def challenger(self, recipe: str = STEPS) -> str:
        time.sleep(1.1)  # a drop's time is whole seconds
        self.runs.kept.recipes.put(self.runs.recipe, recipe)
        return self.runs.drop("b.jsonl", chats(40, "another"))

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Let somebody ask the endpoint from beginning to end; who answered what is counted."""
        place, over = f"/onlineEndpoints/{self.old.endpoint}", threading.Event()
        key = self.rig.emulator.arm("POST", f"{place}/listKeys").json()["primaryKey"]
        uri = self.rig.emulator.arm("GET", place).json()["properties"]["scoringUri"]

        def ask() -> None:
            client = self.rig.emulator.client()
            while not over.is_set():
                answer = client.post(uri, headers={"Authorization": f"Bearer {key}"}, json=QUESTION)
                self.answers[
                    answer.headers.get("azureml-model-deployment", "nobody"), answer.status_code
                ] += 1
                time.sleep(0.02)

        asker = threading.Thread(target=ask)
        asker.start()
        try:
            yield
        finally:
            over.set()
            asker.join()

    @property
    def traffic(self) -> dict[str, int]:
        return dict(self.rig.endpoints.find(self.old.endpoint or "").traffic)


def shares(run: Run) -> list[dict[str, int]]:
    return [change.figures["traffic"] for change in run.history if "traffic" in change.figures]


def test_a_better_challenger_goes_live_in_steps_while_people_ask(rig: EmulatorRig) -> None:
    served = Served(rig)
    old = served.old.deployment or ""
    with served.asked():
        run = served.runs.ended(served.challenger())
    assert run.state is State.LIVE, run.reason
    new = run.deployment or ""
    assert shares(run) == [{old: 70, new: 30}, {old: 40, new: 60}, {new: 100}]
    verdicts = [change.figures for change in run.history if "verdict" in change.figures]
    assert [(one["step"], one["verdict"], one["rule"]) for one in verdicts] == [
        (30, "go", "no-worse"),
        (60, "go", "no-worse"),
    ]
    for one in verdicts:
        assert one["challenger_requests"] >= 5
        assert one["challenger_p95_seconds"] > 0
    assert {status for _name, status in served.answers} == {200}
    assert served.answers[old, 200] > 0
    assert served.answers[new, 200] > 0

    begun = time.monotonic()
    rollback(served.runs.world, Timing(), served.runs.recipe, "ann")
    took = time.monotonic() - begun
    assert served.traffic == {old: 100}
    assert took < ENOUGH, took


def test_one_that_fails_under_traffic_is_sent_back_at_the_first_step(rig: EmulatorRig) -> None:
    served = Served(rig)
    old = served.old.deployment or ""
    with served.asked():
        run = served.runs.ended(served.challenger(FAILS))
        assert served.traffic == {old: 100}
    assert run.state is State.FAILED
    assert run.problem is not None
    assert run.problem.code == "rollout-errors"
    figures = run.history[-1].figures
    assert figures["step"] == 30
    assert figures["challenger_errors"] >= 3
    assert figures["champion_errors"] == 0
    failed = {name for name, status in served.answers if status != 200}
    assert failed == {run.deployment}
    assert [one.name for one in rig.endpoints.deployments(served.old.endpoint or "")] == [old]
    assert served.runs.load(served.old.name).state is State.LIVE


def test_one_that_slows_down_under_traffic_is_sent_back_at_the_first_step(rig: EmulatorRig) -> None:
    served = Served(rig)
    old = served.old.deployment or ""
    with served.asked():
        # The bake time is no limit here: what is slow is sent back as soon as its figures prove it.
        run = served.runs.ended(
            served.challenger(STEPS.replace("step_minutes: 0.05", "step_minutes: 5") + SLOWS)
        )
        assert served.traffic == {old: 100}
    assert run.state is State.FAILED
    assert run.problem is not None
    assert run.problem.code == "rollout-slower"
    figures = run.history[-1].figures
    assert figures["step"] == 30
    assert figures["challenger_p95_seconds"] > 2 * figures["champion_p95_seconds"]
    # Slow answers are answers; what was under way when the challenger went is its own.
    assert {name for name, status in served.answers if status != 200} <= {run.deployment}
    assert served.answers[old, 200] > 0
    assert [one.name for one in rig.endpoints.deployments(served.old.endpoint or "")] == [old]
    assert served.runs.load(served.old.name).state is State.LIVE


def test_a_persons_traffic_is_left_alone_until_they_say_so(rig: EmulatorRig) -> None:
    served = Served(rig)
    old, name = served.old.deployment or "", served.challenger()
    with served.asked():
        run = served.runs.until(name, lambda run: bool(shares(run)), "is at its first step")
        theirs = {old: 55, run.deployment or "": 45}
        rig.endpoints.set_traffic(served.old.endpoint or "", theirs)
        held = served.runs.until(name, lambda run: bool(run.rollout and run.rollout.held), "is held")
        assert "somebody outside Droptune changed the traffic" in held.history[-1].reason
        assert served.traffic == theirs
        wish(served.runs.world, name, "approve", "ann")
        assert served.runs.ended(name).state is State.LIVE
    assert served.traffic == {run.deployment: 100}


def test_one_makes_room_for_the_other_where_the_recipe_replaces_and_comes_back_when_it_is_revived(
    rig: EmulatorRig,
) -> None:
    served = Served(rig)
    old, endpoint = served.old, served.old.endpoint or ""
    new = served.runs.ended(served.challenger(STEPS.replace("rollout:", "strategy: replace, rollout:")))
    assert new.state is State.LIVE, new.reason
    assert served.traffic == {new.deployment: 100}
    assert [one.name for one in rig.endpoints.deployments(endpoint)] == [new.deployment]
    assert served.runs.load(old.name).state is State.RETIRED
    revive(served.runs.world, served.runs.recipe, "ann", old.model_version)
    assert served.runs.ended(old.name).state is State.LIVE
    assert served.traffic == {old.deployment: 100}
    assert served.runs.load(new.name).state is State.RETIRED


def test_copies_come_first_where_the_recipe_mirrors(rig: EmulatorRig) -> None:
    served = Served(rig)
    old = served.old.deployment or ""
    mirror = FAILS.replace("rollout: [30, 60, 100]", "rollout: [50, 100], strategy: mirror")
    with served.asked():
        run = served.runs.ended(served.challenger(mirror))
    assert run.problem is not None
    assert run.problem.code == "rollout-errors"
    assert shares(run) == [{old: 100}, {old: 100}]
    assert set(served.answers) == {(old, 200)}  # nobody saw a copy's answer
