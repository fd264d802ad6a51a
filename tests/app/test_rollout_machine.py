"""Several runs of one recipe, people and faults at once: what holds whatever happens (Hypothesis chooses).

Traffic always sums to 100, or nobody healthy is there to take it; the last healthy champion never has none,
but while it makes room (`strategy: replace`), which was said; an older drop never replaces a newer champion;
no request under way is cut by a deletion; every path ends, and what ended badly leaves nothing behind.
"""

from __future__ import annotations

from contextlib import suppress

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from shared.app.people import wish
from shared.app.reviving import revive
from shared.app.rollback import rollback
from shared.domain.errors import DroptuneError, Transient
from shared.domain.run import Run, State
from shared.domain.timing import Timing
from tests.app.life import Life, chats
from tests.reliability.counting import Counted, steps_told

__all__ = ["steps_told"]

RECIPE = """\
on_new_data: parallel
serving:
  {{rollout: [10, 50, 100], step_minutes: 2, wait_hours: 0.2, strategy: {strategy}, little_traffic: {rule}}}
"""
CALLS = (
    "endpoints.find",
    "endpoints.set_traffic",
    "endpoints.deployment",
    "endpoints.deploy",
    "endpoints.undeploy",
    "endpoints.ask",
    "monitor.outcomes",
    "monitor.latency",
)
STRATEGIES = st.sampled_from(["blue_green", "canary", "mirror", "replace"])
LITTLE = st.sampled_from(["go", "wait", "back"])
MOST_RUNS = 4
ENDED_BADLY = frozenset({State.FAILED, State.CANCELLED, State.SUPERSEDED})


class Rollouts(Counted):
    """One lane on fakes; a person may do what the portal lets a person do."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()
        self.names: list[str] = []
        self.theirs: dict[str, int] | None = None  # the traffic a person set, while it stands
        self.rolled_back = False
        self.a_person_moved = False  # there and back between two looks: nobody sees that
        self.champion_was: str | None = None

    # What happens.

    @initialize(champion=st.booleans())
    def there_may_be_a_champion(self, champion: bool) -> None:  # noqa: FBT001
        if champion:
            self.names.append(self.life.live("support/first.jsonl", chats(topic="first")).name)

    @precondition(lambda self: len(self.names) < MOST_RUNS)
    @rule(strategy=STRATEGIES, little=LITTLE)
    def drop(self, strategy: str, little: str) -> None:
        self.life.storage.recipes.put("support", RECIPE.format(strategy=strategy, rule=little))
        number = len(self.names)
        self.life.tick(1)
        self.names.append(self.life.drop(f"support/{number}.jsonl", chats(topic=f"topic {number}")))

    @precondition(lambda self: self.names)
    @rule(which=st.integers(0, MOST_RUNS - 1))
    def a_run_comes_to_its_rollout(self, which: int) -> None:
        for _ in range(12):
            self.job_ends(which)
            self.life.tick(20)
            self.check()
            if self.run(which).state is State.PROMOTING or self.run(which).ended:
                return

    @precondition(lambda self: self.names)
    @rule(which=st.integers(0, MOST_RUNS - 1))
    def job_ends(self, which: int) -> None:
        run = self.run(which)
        if run.state is State.TRAINING and run.job_spec:
            with suppress(DroptuneError):
                self.life.train(run.name)

    @rule(times=st.integers(1, 4))
    def time_passes(self, times: int) -> None:
        for _ in range(times):
            self.life.tick(45)
            self.check()

    @precondition(lambda self: self.names)
    @rule(which=st.integers(0, MOST_RUNS - 1), good=st.integers(0, 60), bad=st.sampled_from([0, 0, 30]))
    def people_ask(self, which: int, good: int, bad: int) -> None:
        run, monitor = self.run(which), self.life.azureml.monitor
        for name in self.healthy():
            monitor.asked(self.endpoint, name, self.life.at, good, seconds=1.0)
        if run.endpoint and run.deployment:
            monitor.asked(run.endpoint, run.deployment, self.life.at, bad, status=503)

    @rule(call=st.sampled_from(CALLS), times=st.integers(1, 2), after=st.booleans())
    def something_fails(self, call: str, times: int, after: bool) -> None:  # noqa: FBT001
        self.life.azureml.fail_next(call, Transient("azureml-unavailable", "away"), times=times, after=after)

    @precondition(lambda self: self.healthy())
    @rule(data=st.data())
    def a_person_moves_the_traffic(self, data: st.DataObject) -> None:
        healthy = self.healthy()  # in the order of the drops: names hold hashes of chance
        names = [run.deployment for run in self.runs() if run.deployment in healthy]
        first, second = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))
        share = data.draw(st.integers(1, 100))
        traffic = {first or "": 100} if first == second else {first or "": share, second or "": 100 - share}
        with suppress(DroptuneError):
            self.life.azureml.endpoints.set_traffic(self.endpoint, traffic)
        self.theirs, self.a_person_moved = self.traffic, True

    @precondition(lambda self: self.names)
    @rule(which=st.integers(0, MOST_RUNS - 1), action=st.sampled_from(["cancel", "approve", "reject"]))
    def a_person_commands(self, which: int, action: str) -> None:
        with suppress(DroptuneError):
            wish(self.life.world, self.run(which).name, action, "ann")

    @rule()
    def a_person_rolls_back(self) -> None:
        try:
            rollback(self.life.world, Timing(poll=0.001), "support", "ann")
            self.rolled_back = True
        except DroptuneError:
            self.theirs = self.traffic if self.endpoint else None  # half done, until it is given again

    @precondition(lambda self: self.names)
    @rule(which=st.integers(0, MOST_RUNS - 1))
    def a_person_revives_a_version(self, which: int) -> None:
        with suppress(DroptuneError):
            version = self.run(which).model_version
            revive(self.life.world, "support", "ann", version)

    # What holds.

    @invariant()
    def check(self) -> None:
        self.an_older_drop_never_replaces_a_newer_champion()
        assert self.a_person_moved or self.life.azureml.endpoints.hasty == []
        if not self.endpoint:
            return
        traffic, lane = self.traffic, self.life.ledger.lane("support").lane
        if self.theirs is not None and traffic != self.theirs:
            self.theirs = None
        total = sum(traffic.values())
        champion = lane.champion.deployment if lane.champion else None
        if total == 0 and self.makes_room(champion):
            return
        assert total == 100 or (total == 0 and champion not in self.healthy()), (traffic, champion)
        if champion in self.healthy() and self.theirs is None:
            crowned_next = [run.deployment for run in self.runs() if run.state is State.PROMOTING]
            others = [name for name, share in traffic.items() if share and name in crowned_next]
            assert traffic.get(champion or "") or others, (traffic, champion)

    def makes_room(self, champion: str | None) -> bool:
        """Tell whether a run that is not over yet has said that the champion goes first."""
        said = [run for run in self.runs() if not run.ended]
        return any(change.figures.get("replaces") == champion for run in said for change in run.history)

    def an_older_drop_never_replaces_a_newer_champion(self) -> None:
        lane = self.life.ledger.lane("support").lane
        now = lane.champion.place.run if lane.champion else None
        back = now is not None and self.life.run(now).back
        if now != self.champion_was and now and self.champion_was and not (self.rolled_back or back):
            assert self.names.index(now) > self.names.index(self.champion_was)
        self.champion_was, self.rolled_back = now, False

    def teardown(self) -> None:
        """People and faults stop: everything comes to its end."""
        self.life.azureml.stop_failing()
        for _ in range(400):
            for which in range(len(self.names)):
                self.job_ends(which)
            self.life.tick(60)
            self.check()
            if all(run.ended for run in self.runs()):
                break
        assert all(run.ended for run in self.runs()), [(run.state, run.reason) for run in self.runs()]
        lane = self.life.ledger.lane("support").lane
        assert (lane.deploying, lane.training) == (None, ())
        for run in self.runs():
            was_live = any(change.state is State.LIVE for change in run.history)
            if run.state in ENDED_BADLY and not was_live:
                assert run.deployment not in self.healthy(), (run.state, run.reason)
        super().teardown()

    # The world.

    def run(self, which: int) -> Run:
        return self.life.run(self.names[which % len(self.names)])

    def runs(self) -> list[Run]:
        return [self.life.run(name) for name in self.names]

    @property
    def endpoint(self) -> str:
        found = next((run.endpoint for run in self.runs() if run.endpoint), None)
        return found if found and self.life.azureml.endpoints.there(found, None) else ""

    @property
    def traffic(self) -> dict[str, int]:
        return self.life.azureml.endpoints.shares(self.endpoint)

    def healthy(self) -> set[str]:
        return self.life.azureml.endpoints.healthy(self.endpoint) if self.endpoint else set()


TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # each step is a whole app: to shrink takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
