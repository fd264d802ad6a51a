"""Any schedule of events, instances, deaths and the clock: Hypothesis chooses, the invariants hold.

After each step what must always hold is looked at; at the end everything that is still under way is lost, and
the timers alone bring every run to its end.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from shared.app import people
from tests.app.life import chats
from tests.reliability.counting import Counted, steps_told, times
from tests.reliability.invariants import broken
from tests.reliability.kinds import BY_NAME
from tests.reliability.outside import Outside
from tests.reliability.relay import Blob, JobEvent, Relay
from tests.reliability.tap import Fault
from tests.reliability.test_events import FORGED

if TYPE_CHECKING:
    from tests.reliability.relay import Event

__all__ = ["steps_told"]
MOST_DROPS, MOST_TICKS = 4, 1500
HURTS = ("crossed", "stalled", "killed before", "killed after", "killed within", "answer lost", "unforeseen")
PLACE = st.integers(0, 10_000)


class Schedules(Counted):
    """One recipe; what is under way waits in the relay until a rule delivers, doubles or loses it."""

    on_new_data = "queue"

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.outside = Outside()
        self.outside.jobs_run = False
        self.life = self.outside.life
        self.life.storage.recipes.put("support", f"on_new_data: {self.on_new_data}\n")
        self.relay = Relay(self.outside, self.patch)
        self.drops, self.ended = 0, list[str]()

    # What happens.

    @precondition(lambda self: self.drops < MOST_DROPS)
    @rule(path=st.sampled_from("ab"), topic=st.sampled_from(["shop", "garden", "tools"]))
    def a_file_is_dropped(self, path: str, topic: str) -> None:
        """The second at the same path overwrites the first."""
        self.drops += 1
        self.life.at += timedelta(seconds=1)
        self.life.storage.drops.put(f"support/{path}.jsonl", chats(topic=topic), {})
        self.relay.pending.append(Blob(f"support/{path}.jsonl"))

    @rule(place=PLACE, fate=st.sampled_from(["finish", "finish", "finish", "fail", "preempt"]))
    def a_job_ends(self, place: int, fate: str) -> None:
        jobs = [job.name for job in self.life.azureml.jobs.kept() if job.status == "running"]
        if jobs and fate == "finish":
            self.life.azureml.jobs.finish(jobs[place % len(jobs)], {"eval_loss": 0.5})
        elif jobs:
            why = "PreemptionError: preempted" if fate == "preempt" else "UserError: it went wrong"
            self.life.azureml.jobs.fail(jobs[place % len(jobs)], why)
        self.relay.tell_of_jobs(self.ended)

    @precondition(lambda self: self.relay.pending)
    @rule(place=PLACE, copies=st.integers(1, 3), kept=st.booleans())
    def an_event_arrives(self, place: int, copies: int, *, kept: bool) -> None:
        """In any order, as often as it likes; one that is kept comes once more, much later."""
        found = self.relay.pending.pop(place % len(self.relay.pending))
        for _ in range(copies):
            self.relay.deliver(found)
        if kept:
            self.relay.pending.append(found)

    @precondition(lambda self: self.relay.pending)
    @rule(place=PLACE)
    def an_event_is_lost(self, place: int) -> None:
        self.relay.pending.pop(place % len(self.relay.pending))

    @rule(event=st.sampled_from(FORGED))
    def an_event_is_forged(self, event: Event) -> None:
        self.relay.deliver(event)

    @precondition(lambda self: self.ended)
    @rule(place=PLACE, status=st.sampled_from(["Failed", "Canceled", "Running"]))
    def an_event_lies_about_our_job(self, place: int, status: str) -> None:
        self.relay.deliver(JobEvent(self.ended[place % len(self.ended)], status))

    @rule(seconds=st.sampled_from([1, 5, 30, 61, 200, 400]))
    def time_passes(self, seconds: int) -> None:
        self.life.at += timedelta(seconds=seconds)
        self.relay.collect()

    @rule()
    def the_minute_timer_comes(self) -> None:
        self.outside.tick()

    @rule(name=st.sampled_from(HURTS), after=st.integers(0, 60))
    def the_next_process_is_hurt(self, name: str, after: int) -> None:
        """It dies, stands still, or meets another instance at one of its calls, if it comes to so many."""
        self.outside.tap.fault = Fault(len(self.outside.tap.calls) + after, BY_NAME[name])

    @precondition(lambda self: self.outside.runs)
    @rule(place=PLACE)
    def a_person_cancels(self, place: int) -> None:
        names = [run.name for run in sorted(self.outside.runs.values(), key=lambda run: run.place)]
        self.outside.process(lambda world: people.wish(world, names[place % len(names)], "cancel", "ann"))

    # What holds.

    @invariant()
    def what_must_always_hold(self) -> None:
        assert broken(self.outside.seen(settled=False)) == ()

    def teardown(self) -> None:
        """All that is under way is lost; the timers alone go on."""
        try:
            self.outside.tap.heal()
            self.life.storage.steps.waiting.clear()
            self.outside.jobs_run = True
            for _ in range(MOST_TICKS):
                if self.outside.resting():
                    break
                self.outside.tick()
            assert self.outside.resting(), {r.name: (r.state, r.reason) for r in self.outside.runs.values()}
            self.outside.a_day_later(swept=True)
            assert broken(self.outside.a_day_later(swept=True)) == ()
        finally:
            self.patch.undo()


class Replacing(Schedules):
    on_new_data = "replace"


class Beside(Schedules):
    on_new_data = "parallel"


CHOSEN = settings(
    max_examples=times(12, 60),
    stateful_step_count=50,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # each step is a whole app: to shrink takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestSchedules, TestReplacing, TestBeside = Schedules.TestCase, Replacing.TestCase, Beside.TestCase
TestSchedules.settings = TestReplacing.settings = TestBeside.settings = CHOSEN
