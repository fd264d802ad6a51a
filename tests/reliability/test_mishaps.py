"""What an owner of data and recipes will see sooner or later: each to its end, and by the invariants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.domain.run import State
from tests.app.life import chats
from tests.reliability.invariants import broken
from tests.reliability.kinds import BY_NAME
from tests.reliability.outside import Outside, until
from tests.reliability.stories import FIRST, ROLLOUT, SECOND
from tests.reliability.tap import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.domain.run import Run


def come_to_rest(outside: Outside) -> list[Run]:
    """Let time pass until nothing more happens; give the runs in the order of their drops."""
    for _ in range(400):
        if outside.resting():
            break
        outside.tick()
    assert broken(outside.a_day_later()) == ()
    return sorted(outside.runs.values(), key=lambda run: run.place)


def pass_time(outside: Outside, waits: Iterable[None]) -> None:
    for _ in waits:
        outside.tick()


def test_a_lost_blob_event() -> None:
    outside = Outside()
    drop = outside.life.storage.drops.put(FIRST, chats(), {})
    (run,) = come_to_rest(outside)
    assert (run.name, run.state) == (drop.run, State.LIVE)


def test_a_redeploy_in_the_middle_of_validation() -> None:
    """The old app is ended while it writes the prepared rows; the new one begins them anew, elsewhere."""
    at = [call for call in _calls_of_a_life() if call[1] == "prepared.writer"][1][0]
    outside = Outside(Fault(at, BY_NAME["killed within"]))
    name = outside.drop(FIRST, chats())
    left = {path.split("/")[1] for path in outside.life.storage.prepared.names(name)}
    assert outside.runs[name].state is State.VALIDATING
    (run,) = come_to_rest(outside)
    assert run.state is State.LIVE
    assert run.prepared is not None
    assert run.prepared.folder.split("/")[1] not in left
    assert [change.state for change in run.history].count(State.VALIDATING) == 1


def test_a_source_overwritten_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run that read it ends superseded with nothing prepared; the new file is a run of its own."""
    outside = Outside()
    drops, whole = outside.life.storage.drops, type(outside.life.storage.drops).open

    def overwritten(self: Any, source: Any) -> Iterator[bytes]:
        for piece in whole(self, source):
            yield piece[:100]
            if source.path == FIRST and drops.find(FIRST).etag == source.etag:
                drops.put(FIRST, chats(topic="newer"), {})
            yield from whole(self, source)

    monkeypatch.setattr(type(drops), "open", overwritten)
    older = outside.drop(FIRST, chats())
    monkeypatch.undo()
    runs = {run.name: run for run in come_to_rest(outside)}
    assert (runs[older].state, runs[older].prepared) == (State.SUPERSEDED, None)
    (newer,) = (run for name, run in runs.items() if name != older)
    assert (newer.state, newer.drop.path) == (State.LIVE, FIRST)


@pytest.mark.parametrize("changed", ["training: {num_train_epochs: 1}\n", "no recipe: at all\n", None])
def test_a_recipe_changed_half_way(changed: str | None) -> None:
    """The copy made at the beginning governs the run to its end, whatever becomes of the recipe."""
    outside = Outside()
    recipes = outside.life.storage.recipes
    recipes.put("support", "training: {num_train_epochs: 2}\n")
    outside.jobs_run = False
    name = outside.drop(FIRST, chats())
    pass_time(outside, until(outside, name, State.TRAINING))
    if changed is None:
        recipes.box.delete("support.yaml")
    else:
        recipes.put("support", changed)
    outside.jobs_run = True
    (run,) = come_to_rest(outside)
    assert run.state is State.LIVE
    assert run.recipe is not None
    assert run.recipe.training == {"num_train_epochs": 2}
    assert outside.life.azureml.jobs.spec(f"{name}-a1").inputs["num_train_epochs"] == 2


def test_an_old_drop_that_finishes_after_a_newer_one() -> None:
    outside = Outside()
    outside.life.storage.recipes.put("support", "on_new_data: parallel\n" + ROLLOUT)
    outside.jobs_run = False
    older = outside.drop(FIRST, chats(topic="first"))
    outside.tick()
    newer = outside.drop(SECOND, chats(topic="second"))
    outside.tick()
    outside.life.azureml.jobs.finish(f"{newer}-a1", {"eval_loss": 0.5})
    pass_time(outside, until(outside, newer, State.LIVE))
    outside.jobs_run = True
    first, second = come_to_rest(outside)
    assert (first.name, first.state) == (older, State.SUPERSEDED)
    assert (second.name, second.state) == (newer, State.LIVE)
    assert "newer drop" in first.reason


def _calls_of_a_life() -> list[tuple[int, str]]:
    outside = Outside()
    outside.drop(FIRST, chats())
    return list(enumerate(outside.tap.calls))
