"""Azure ML or Storage is away for an hour: runs wait with growing delay, and what there is is still told."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from shared.app import views
from shared.app.advance import LONGEST_DELAY, advance
from shared.app.receive import receive
from shared.app.reconcile import reconcile
from shared.domain import names
from shared.domain.errors import Transient
from shared.domain.run import State
from tests.app.life import Life, chats
from tests.fakes import azureml, storage

ENDPOINT = names.endpoint(Life().world.workspace_id, "support")
HOUR = timedelta(hours=1)
FOREVER = 1_000_000


def azureml_goes(life: Life) -> None:
    gone = Transient("azureml-unavailable", "Azure ML does not answer for anything.")
    for call in azureml.CALLS:
        life.azureml.fail_next(call, gone, times=FOREVER)


def storage_goes(life: Life) -> None:
    gone = Transient("storage-unavailable", "Storage does not answer for anything.")
    for call in storage.CALLS:
        life.storage.fail_next(call, gone, times=FOREVER)


def looks(life: Life, name: str, until: datetime) -> list[datetime]:
    """Let time pass in steps of ten seconds; give the times at which the run was looked at."""
    seen, wake = list[datetime](), life.run(name).wake
    while life.at < until:
        life.tick(10)
        if life.run(name).wake != wake:
            wake = life.run(name).wake
            seen.append(life.at)
    return seen


@pytest.mark.parametrize("state", [State.VALIDATING, State.TRAINING, State.DEPLOYING])
def test_azure_ml_is_away_for_an_hour(state: State) -> None:
    life = Life()
    name = come_to(life, state)
    azureml_goes(life)
    since = life.at
    times = looks(life, name, since + HOUR)
    run = life.run(name)
    assert run.state is state
    assert run.failing_since is not None
    assert since - timedelta(minutes=6) <= run.failing_since <= since + timedelta(minutes=6)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(gap <= timedelta(seconds=LONGEST_DELAY + life.timing.overdue + 10) for gap in gaps)
    assert gaps[-1] >= timedelta(seconds=LONGEST_DELAY)
    assert len(times) < 25  # and not one each poll
    [line] = views.lines(life.ledger, 10)
    when = f"{run.failing_since:%Y-%m-%d %H:%M} UTC"
    assert line["reason"] == f"tries again since {when}: Azure ML does not answer for anything."
    assert views.whole(run)["failing_since"] == run.failing_since.isoformat().replace("+00:00", "Z")
    life.azureml.stop_failing()
    life.azureml.endpoints.release(ENDPOINT)
    life.tick(LONGEST_DELAY + 1)
    if state is not State.DEPLOYING:
        life.until(name, "training")
        life.tick()
        life.train(name)
    run = life.until(name, "live")
    assert (run.failing_since, run.attempts) == (None, 0)


def come_to(life: Life, state: State) -> str:
    """Bring a run into a state and hold it there."""
    if state is State.VALIDATING:
        azureml_goes(life)
        return life.drop()
    life.azureml.endpoints.hold(ENDPOINT)
    name = life.drop()
    life.until(name, "training")
    if state is State.DEPLOYING:
        life.tick()
        life.train(name)
        life.until(name, "deploying")
    return name


def test_trouble_that_comes_and_goes_is_not_added_up() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    for _ in range(60):  # more often than a state has attempts
        life.azureml.fail_next("jobs.find", Transient("azureml-unavailable", "just now"))
        life.tick(301)
        life.tick(301)
    assert life.run(name).state is State.TRAINING
    assert life.run(name).attempts <= 1


def test_storage_is_away_for_an_hour() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.at += timedelta(seconds=1)  # a newer drop
    late = life.storage.drops.put("support/b.jsonl", chats(topic="late"), {})
    storage_goes(life)
    for _ in range(60):
        life.at += timedelta(minutes=1)
        with pytest.raises(Transient):  # the platform sees it, and tries again
            reconcile(life.world, life.timing)
        with pytest.raises(Transient):
            advance(life.world, life.timing, name)
        with pytest.raises(Transient):
            receive(life.world, "support/b.jsonl")
        with pytest.raises(Transient):
            views.lines(life.ledger, 10)
    life.storage.stop_failing()
    life.tick(301)
    life.train(name)
    life.until(name, "live")
    life.until(late.run, "training")
