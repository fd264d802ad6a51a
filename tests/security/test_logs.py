"""The logs of a run's life name the run in every line, and hold no word of the data and no secret."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from shared.app import advance as advancing
from shared.app.advance import advance
from shared.app.receive import receive
from shared.app.sweep import sweep
from shared.domain import actions as a
from shared.domain.errors import Transient
from tests.app.life import Life, chats

if TYPE_CHECKING:
    from shared.domain.run import Run

WORD = "Wolperdinger"
BAD_ROW = f'{{"messages": [{{"role": "{WORD}", "content": "{WORD}"}}]}}\n'.encode()
RECIPE = f"""\
serving: {{rollout: [100]}}
evaluation: {{prompts: [{{ask: "What is a {WORD}?", must: ["{WORD} of all"]}}]}}
notify: {{to: [TEAM_WEBHOOK]}}
"""


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.getMessage() for line in caplog.records if line.name.startswith(("shared", "functions"))]


def lives(life: Life) -> Run:
    """A run that fails its questions, after a call that failed, a bad row and an event that nobody took."""
    life.storage.recipes.put("support", RECIPE)
    name = life.drop(data=chats(topic=WORD))
    life.azureml.fail_next("jobs.find", Transient("azureml-unavailable", "away"))
    life.notices.fail_next("publish", Transient("topic-unavailable", "away"))
    life.until(name, "training", "rejected")
    if life.run(name).state == "training":
        life.tick()
        life.train(name)
    return life.until(name, "failed", "rejected", "live")


def test_every_line_of_a_runs_life_names_the_run(caplog: pytest.LogCaptureFixture) -> None:
    life = Life()
    run = lives(life)
    said = ours(caplog)
    assert len(said) > 5
    of_no_run = "daily pass: "
    assert [line for line in said if run.name not in line and not line.startswith(of_no_run)] == []


def test_no_word_of_the_data_gets_into_a_log(caplog: pytest.LogCaptureFixture) -> None:
    life = Life()
    run = lives(life)
    rejected = life.drop("support/bad.jsonl", BAD_ROW * 3)
    assert life.run(rejected).state == "rejected"
    sweep(life.world, dry_run=False)
    assert WORD in str(run.recipe)
    assert [line for line in ours(caplog) if WORD in line] == []


def test_an_unforeseen_error_is_logged_with_its_place_and_without_its_words(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any) -> None:
        raise KeyError(WORD)

    life = Life()
    monkeypatch.setattr(advancing, "EFFECTS", {**advancing.EFFECTS, a.Prepare: broken})
    life.storage.drops.put("support/a.jsonl", chats(), {})
    name = receive(life.world, "support/a.jsonl")
    assert name is not None
    for _ in range(5):
        with pytest.raises(KeyError):
            advance(life.world, life.timing, name)
    said = [line for line in ours(caplog) if "unforeseen" in line]
    assert all(f"run {name}: unforeseen KeyError at shared/app/advance.py" in line for line in said)
    assert [line for line in ours(caplog) if WORD in line] == []
