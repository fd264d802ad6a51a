"""Whatever happens: nothing goes that is not ours, is kept, or serves; and all that is stale goes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from shared.app import keeping
from shared.app.sweep import sweep
from shared.domain.errors import Transient
from shared.domain.run import State
from shared.domain.tags import INSTALLATION, KEEP, RECIPE, RUN
from shared.ports import DeploymentSpec, ModelVersion
from tests.app.life import Life
from tests.domain import builders
from tests.reliability.counting import Counted, steps_told, times

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["steps_told"]
HOUR = timedelta(hours=1)
IDLE, GRACE = 2, 1
LIMITS = f"cost: {{idle_hours: {IDLE}, grace_hours: {GRACE}, ttl_days: 1, idle_action: delete}}\n"
NAMES = st.sampled_from([f"e{n}" for n in range(8)])


class Sweeping(Counted):
    """A world in which people and their programs do what they like, and the sweep comes now and then."""

    @initialize()
    def begin(self) -> None:
        self.life = Life()
        self.life.storage.recipes.put("support", LIMITS)
        self.life.storage.documents.put("installation", b"tests")
        self.life.azureml.models._versions["m", "1"] = ModelVersion("m", "1", {}, "m:1")
        self.asked: dict[str, datetime] = {}
        self.gap = False

    @rule(name=NAMES, ours=st.sampled_from([True, True, True, False]))
    def serve(self, name: str, *, ours: bool) -> None:
        world = self.life.world
        if name in self._there():
            return
        run = f"{name}-{self.life.at:%Y%m%d%H%M%S}-{'0' * 8}"
        made = builders.run(State.LIVE, name=run, recipe_name="support", endpoint=name, deployment="d")
        tags = {INSTALLATION: "tests", RECIPE: "support", RUN: run} if ours else {"team": "b"}
        if ours and self.life.ledger.state(run) is None:
            self.life.ledger.create(made)
        world.endpoints.create(name, "key", tags)
        world.endpoints.deploy(DeploymentSpec(name, "d", "m:1", "Standard_NC24ads_A100_v4", 1, tags))
        world.endpoints.deployment(name, "d")
        world.endpoints.set_traffic(name, {"d": 100})
        self.asked.pop(name, None)

    @rule(name=NAMES)
    def ask(self, name: str) -> None:
        if name in self._there():
            self.life.azureml.monitor.asked(name, "d", self.life.at)
            self.asked[name] = self.life.at

    @rule(name=NAMES)
    def keep(self, name: str) -> None:
        if name in self._there():
            keeping.keep(self.life.world, name, None, "a test wants it")

    @rule(name=NAMES)
    def unkeep(self, name: str) -> None:
        if name in self._there():
            keeping.unkeep(self.life.world, name)

    @rule(minutes=st.sampled_from([1, 20, 60, 130]), gap=st.booleans())
    def wait(self, minutes: int, *, gap: bool) -> None:
        before = self.life.at
        self.life.at += timedelta(minutes=minutes)
        for name in self._there() if not gap else ():
            self.life.azureml.monitor.beat(name, "d", before, self.life.at)

    @rule()
    def the_figures_are_away(self) -> None:
        self.life.azureml.fail_next("monitor.requests", Transient("azureml-unavailable", "away"))

    @rule(foreign=st.booleans())
    def the_ledger_is_foreign_or_empty(self, *, foreign: bool) -> None:
        documents = self.life.storage.documents
        if foreign:
            documents.put("installation", b"another")
        else:
            documents.delete("installation")
        before = self._there()
        sweep(self.life.world, dry_run=False)
        assert self._there() == before
        documents.put("installation", b"tests")

    @rule()
    def sweep_and_see_that_it_was_safe(self) -> None:
        before = {endpoint.name: endpoint for endpoint in self.life.world.endpoints.all()}
        sweep(self.life.world, dry_run=False)
        for name in before.keys() - self._there():
            gone = before[name]
            assert gone.tags.get(INSTALLATION) == "tests"
            assert KEEP not in gone.tags
            assert gone.created is not None
            since = max(self.asked.get(name, gone.created), gone.created)
            assert self.life.at - since >= IDLE * HOUR, name

    def teardown(self) -> None:
        """Leave everything alone for its time and grace: all goes, in as many sweeps as the cap needs."""
        if not hasattr(self, "life"):
            return  # it never began
        self.life.azureml._faults._faults.clear()
        for step in (IDLE + 1, GRACE):
            before = self.life.at
            self.life.at += step * HOUR
            for name in self._there():
                self.life.azureml.monitor.beat(name, "d", before, self.life.at)
            sweep(self.life.world, dry_run=False)
        for _ in range(4):
            sweep(self.life.world, dry_run=False)
        left = {
            endpoint.name
            for endpoint in self.life.world.endpoints.all()
            if endpoint.tags.get(INSTALLATION) and KEEP not in endpoint.tags
        }
        assert left == set()

    def _there(self) -> set[str]:
        return (
            {endpoint.name for endpoint in self.life.world.endpoints.all()}
            if hasattr(self, "life")
            else set()
        )


TestSweeping = Sweeping.TestCase
TestSweeping.settings = settings(
    max_examples=times(40, 100),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
