"""The chats that the owners measure models on: their own evaluation set, the general set's questions."""

from __future__ import annotations

import json

import pytest

from shared.app import sets
from shared.app.people import retry
from shared.domain.recipe import Recipe
from shared.domain.run import State
from tests.app.life import Life, chats

OWN = "serving: {rollout: [100]}\nevaluation: {dataset: sets/own.jsonl}\n"


def row(ask: str, say: str, answers: tuple[str, ...] = ()) -> bytes:
    turns = [{"role": "user", "content": ask}, {"role": "assistant", "content": say}]
    return json.dumps({"messages": turns, "answers": answers}).encode() + b"\n"


def with_recipe(text: str) -> Life:
    life = Life()
    life.storage.recipes.put("support", text)
    return life


def test_the_bundled_set_is_of_chats_some_of_which_can_be_asked() -> None:
    found = sets.chats("evaluation.general", "default", sets.BUNDLED.read_bytes())
    assert len(found) == 24
    for chat in found:
        said = chat.messages[-1].content.casefold()
        assert not chat.answers or any(answer.casefold() in said for answer in chat.answers)
    asked = sets.questions(Life().world, Recipe())
    assert len(asked) == len({question.label for question in asked}) == sets.MOST_ASKED
    assert all(question.general and question.counted for question in asked)


def test_a_recipes_own_set_is_the_validation_file_and_is_never_frozen() -> None:
    life = with_recipe(OWN)
    data = row("shop question 3?", "At nine.") + row("Else?", "No.")
    life.storage.recipes.box.write("sets/own.jsonl", data)
    run = life.live()
    spec = life.azureml.jobs.spec(run.job or "")
    path = spec.files["validation_file_path"]
    assert b"".join(life.world.prepared.read(path)) == data
    assert run.evaluation is not None
    assert run.eval_digest == run.evaluation.digest == sets.digest(data)
    assert (run.evaluation.of_run, run.evaluation.rows) == ("recipes/sets/own.jsonl", 2)
    train = b"".join(life.world.prepared.read(spec.files["train_file_path"]))
    assert b"shop question 3?" not in train  # what is measured is not trained on
    assert life.ledger.lane("support").lane.frozen is None


@pytest.mark.parametrize(
    ("data", "code", "told"),
    [
        (None, "evaluation-set-missing", "no such file in the container recipes"),
        (b"", "evaluation-set-wrong", "holds no chat"),
        (row("a", "b") + b"{", "evaluation-set-wrong", "line 2 of recipes/sets/own.jsonl is no chat"),
        (
            row("a", "b") + row("ab", "c").replace(b"ab", b"\xe9"),
            "evaluation-set-wrong",
            "line 2 of recipes/sets/own",
        ),
        (
            b'{"messages": [{"role": "user", "content": "a"}]}',
            "evaluation-set-wrong",
            "no assistant's at the end",
        ),
    ],
)
def test_a_set_that_cannot_be_measured_on_ends_the_run_before_anything_is_spent(
    data: bytes | None, code: str, told: str
) -> None:
    life = with_recipe(OWN)
    if data is not None:
        life.storage.recipes.box.write("sets/own.jsonl", data)
    run = life.until(life.drop(), "failed")
    assert run.problem is not None
    assert run.problem.code == code
    assert told in run.problem.message
    assert f"droptune retry {run.name}" in run.problem.help
    assert life.azureml.count("jobs.submit") == 0
    # What the container lacked can be put there, and the same run goes on.
    life.storage.recipes.box.write("sets/own.jsonl", row("a", "b"))
    retry(life.world, run.name, "ann")
    assert life.until(run.name, "training").state is State.TRAINING


def test_the_general_sets_questions_are_asked_where_the_job_does_not_compare() -> None:
    life = with_recipe("serving: {rollout: [100]}\n")
    life.azureml.endpoints.answer = lambda *_: "Paris, Earth, and 19"
    run = life.live()
    asked = [answer for answer in run.smoke or () if answer.general]
    assert len(asked) == sets.MOST_ASKED
    reason = next(change for change in run.history if change.state is State.PROMOTING)
    right = sum(bool(answer.found) for answer in asked)
    assert right > 0
    assert f"{right} of 8 general ones right" in reason.reason
    assert (reason.figures["general_right"], reason.figures["general"]) == (right, 8)


@pytest.mark.parametrize("evaluation", ["{general: null}", "{compare: true}"])
def test_they_are_not_asked_where_there_is_no_set_or_the_job_measured_on_all_of_it(evaluation: str) -> None:
    life = with_recipe(f"serving: {{rollout: [100]}}\nevaluation: {evaluation}\n")
    name = life.drop()
    life.until(name, "training")
    life.tick()
    gains = {
        "frozen_challenger": dict.fromkeys(range(30), 0.5),
        "frozen_reference": dict.fromkeys(range(30), 1.0),
    }
    life.azureml.jobs.finish(life.run(name).job or "", {"eval_loss": 0.5}, compared=gains)
    run = life.until(name, "live", "failed")
    assert run.state is State.LIVE, run.problem
    assert not [answer for answer in run.smoke or () if answer.general]


def test_a_challenger_that_knows_surely_less_than_the_champion_did_is_stopped() -> None:
    life = with_recipe("serving: {rollout: [100]}\nevaluation: {general: sets/own.jsonl}\n")
    life.storage.recipes.box.write(
        "sets/own.jsonl", b"".join(row(f"q{n}", f"a{n}", ("sure",)) for n in range(8))
    )
    life.azureml.endpoints.answer = lambda *_: "I am sure."
    champion = life.live()
    assert champion.state is State.LIVE
    life.tick()
    life.azureml.endpoints.answer = lambda *_: "Hello from Acme Garden!"
    name = life.drop("support/b.jsonl", chats(topic="two"))
    life.until(name, "training")
    life.tick()
    life.train(name)
    run = life.until(name, "live", "failed")
    assert run.problem is not None
    assert run.problem.code == "smoke-forgot"
    assert "the champion knew 8 that it did not" in run.problem.message
    assert run.history[-1].figures["general_right"] == 0
    assert life.run(champion.name).state is State.LIVE


def test_an_answer_in_another_language_than_the_prompt_asks_for_is_no_answer() -> None:
    prompts = "prompts: [{ask: Wann ist offen?, language: de}]"
    life = with_recipe(f"serving: {{rollout: [100]}}\nevaluation: {{{prompts}, general: null}}\n")
    life.azureml.endpoints.answer = lambda *_: "We are open from nine to five, on every day of the week."
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.train(name)
    run = life.until(name, "live", "failed")
    assert run.problem is not None
    assert run.problem.code == "smoke-failed"
    assert "the language de (is en)" in run.problem.message


def test_a_byte_order_mark_before_a_set_is_left_out() -> None:
    """Windows' editors write one; `droptune check`, which a refusal would name, calls such a file usable."""
    life = with_recipe(OWN)
    data = row("Where?", "Here.")
    life.storage.recipes.box.write("sets/own.jsonl", b"\xef\xbb\xbf" + data)
    run = life.live()
    path = life.azureml.jobs.spec(run.job or "").files["validation_file_path"]
    assert b"".join(life.world.prepared.read(path)) == data
