"""What happens around the app: processes that are started and die, jobs that end, people, and the clock.

A process is one trigger's call. One that raises gives its message back, as the queue does, five times; one
that is killed loses it: then the timers alone go on.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from shared.app import people
from shared.app.advance import advance
from shared.app.receive import receive
from shared.app.reconcile import reconcile
from shared.app.sweep import sweep
from shared.domain.errors import Permanent
from shared.domain.run import State
from tests.app.life import Life
from tests.reliability.kinds import Killed
from tests.reliability.seen import Seen
from tests.reliability.tap import Tap, tapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.domain.run import Run
    from shared.ports import World
    from tests.fakes.storage import Sent
    from tests.reliability.kinds import Kind
    from tests.reliability.tap import Fault

HIDDEN = timedelta(seconds=10)  # host.json: visibilityTimeout
MOST_DELIVERIES = 5
DAY = timedelta(days=1)
FAST, SLOW, STILL = 60.0, 300.0, 4
LONG = timedelta(minutes=30)
MOST_TRIES = 30
STALLED = 5  # minutes; a claim lasts three


class Outside:
    """One installation, its processes and those who use it. `life` is looked at past the tap."""

    def __init__(self, fault: Fault | None = None, life: Life | None = None) -> None:
        self.life = life or Life()
        self.tap = Tap(fault, self.life.now, self._let)
        self.tap.meanwhile = self._others
        self.world = tapped(self.life.world, self.tap)
        self.jobs_run = True  # they end by themselves, a tick after they were seen
        self.raised: list[str] = []
        self._again: list[tuple[Sent, int]] = []  # messages whose process failed, and how often
        self._still = 0
        self._last: object = None

    # Processes.

    def process(self, work: Callable[[World], object]) -> bool:
        """Run one process over the world; tell whether it came to its end."""
        self.tap.revive()
        try:
            work(self.world)
        except Killed:
            return True  # whoever waits for it hears nothing; its message is gone with it
        except Exception as error:  # noqa: BLE001 - the host takes whatever comes out of a trigger
            self.raised.append(type(error).__name__)
            return False
        return True

    def drop(self, path: str, data: bytes) -> str:
        """Drop a file; its event comes once."""
        run = self.life.storage.drops.put(path, data, {}).run
        self.process(lambda world: self._received(world, path))
        return run

    def person(
        self, command: Callable[[World], object], is_done: Callable[[], bool] = lambda: False
    ) -> Iterator[None]:
        """Let a person give a command until it is done, or cannot be; is_done: what they see of it before."""
        heard: list[str] = []

        def give(world: World) -> None:
            try:
                command(world)
            except Permanent as no:
                if not no.problem.code.startswith("run-"):
                    raise
            heard.append("it is done, or there is nothing to do any more")

        for _ in range(MOST_TRIES):
            if not is_done():
                self.process(give)
            if heard or is_done():
                return
            yield

    def tick(self) -> None:
        """Let time pass, more where nothing is new; the world moves, then come messages, then the timers."""
        since = self.tap.since
        long_ago = since is not None and self.life.at - since > LONG
        self._let(SLOW if long_ago or self._still >= STILL else FAST)
        self._jobs_end()
        self._somebody_approves()
        self.deliver()
        self.process(lambda world: reconcile(world, self.life.timing))
        self.deliver()
        now = {blob.name: blob.etag for blob in self.life.storage.documents.box.all("r/")}
        self._still = self._still + 1 if now == self._last else 0
        self._last = now

    def deliver(self) -> None:
        """Deliver the messages that are due; one whose process fails comes again, until it is poison."""
        due = [(sent, 0) for sent in self.life.storage.steps.take()]
        due += [(sent, failed) for sent, failed in self._again if sent.due <= self.life.at]
        self._again = [(sent, failed) for sent, failed in self._again if sent.due > self.life.at]
        for sent, failed in due:
            if not self.process(partial(self._advance, sent)) and failed + 1 < MOST_DELIVERIES:
                self._again.append((replace(sent, due=self.life.at + HIDDEN), failed + 1))

    # What is there.

    def run(self, name: str) -> Run | None:
        """Look at a run's document; None where it has none yet."""
        return self.runs.get(name)

    @property
    def runs(self) -> dict[str, Run]:
        return dict(self.seen(settled=False).runs)

    def resting(self) -> bool:
        """Tell whether nothing more will happen: each drop has a run, each run its end, and all is told."""
        seen = self.seen(settled=False)
        waiting = any(True for _ in seen.under("outbox/"))
        if waiting or not all(drop.run in seen.runs for drop in seen.drops):
            return False
        return all(run.ended for run in seen.runs.values())

    def seen(self, *, settled: bool) -> Seen:
        """Look at everything, past every fault."""
        life = self.life
        endpoints, deployments = life.azureml.endpoints.kept()
        return Seen(
            installation=life.world.installation,
            workspace_id=life.world.workspace_id,
            now=life.at,
            documents={b.name: (b.data, b.metadata) for b in life.storage.documents.box.all()},
            drops=tuple(life.storage.drops.kept()),
            jobs=tuple(life.azureml.jobs.kept()),
            models=tuple(life.azureml.models.versions),
            endpoints=tuple(endpoints),
            deployments=tuple(deployments),
            told=frozenset(event.id for event in life.notices.topic.events),
            settled=settled,
        )

    def a_day_later(self, *, swept: bool = False) -> Seen:
        """Let the daily pass come, and what it finds to do; then look. swept: the sweep has come too."""
        for _ in range(2 if swept else 1):  # what is marked goes a day later
            self._let(DAY.total_seconds())
            for _ in range(3):
                self.tick()
            if swept:
                self.process(lambda world: sweep(world, dry_run=False))
        return self.seen(settled=True)

    def _others(self, kind: Kind) -> None:
        """Let other instances work while a process stands still in the middle of a call."""
        life = self.life
        for _ in range(STALLED if kind.others == "take over" else 1):
            if kind.others == "take over":
                self._let(FAST)
                self._jobs_end()
                life.deliver()
            reconcile(life.world, life.timing)
            for name in list(life.ledger.runs()):
                advance(life.world, life.timing, name)

    def _received(self, world: World, path: str) -> None:
        name = receive(world, path)
        if name is not None:
            advance(world, self.life.timing, name)

    def _advance(self, sent: Sent, world: World) -> None:
        advance(world, self.life.timing, sent.run, sent.wake)

    def _jobs_end(self) -> None:
        jobs = self.life.azureml.jobs
        for job in jobs.kept() if self.jobs_run else ():
            if job.status == "running" and job.started is not None and job.started < self.life.at:
                jobs.finish(job.name, {"loss": 0.5, "eval_loss": 0.5})

    def _somebody_approves(self) -> None:
        for run in self.runs.values():
            if run.state is State.AWAITING_APPROVAL and not run.wishes and run.closing is None:
                self.process(partial(people.wish, run_name=run.name, action="approve", by="ann"))

    def _let(self, seconds: float) -> None:
        self.life.at += timedelta(seconds=seconds)


def until(outside: Outside, name: str, *states: State) -> Iterator[None]:
    """Wait until a run has come to one of the states, or to an end."""
    while (run := outside.run(name)) is None or not (run.state in states or run.ended):
        yield


def rest(outside: Outside) -> Iterator[None]:
    """Wait until nothing more will happen."""
    yield
    while not outside.resting():
        yield
