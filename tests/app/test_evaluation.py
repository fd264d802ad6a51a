"""The evaluation set and the gate on it: losses are compared on the same rows alone."""

from __future__ import annotations

import hashlib
import json

from shared.domain.run import Run, State
from tests.app.life import Life, chats

KEEP = "serving: {rollout: [100]}\nevaluation: {min_rows: 2}\n"


def trained(life: Life, path: str, data: bytes, loss: float) -> Run:
    """Drop, train to a loss, and go on until the run has ended."""
    name = life.drop(path, data)
    life.until(name, "training")
    life.tick()
    life.train(name, eval_loss=loss)
    return life.until(name, "live", "failed")


def files(life: Life, run: Run) -> dict[str, str]:
    return dict(life.azureml.jobs.spec(run.job or "").files)


def read(life: Life, path: str) -> bytes:
    return b"".join(life.world.prepared.read(path))


def reason(run: Run) -> str:
    return next(change.reason for change in run.history if change.state is State.REGISTERING)


def test_the_first_live_runs_validation_part_is_what_later_ones_are_measured_on() -> None:
    life = Life()
    first = trained(life, "support/a.jsonl", chats(topic="one"), 0.5)
    assert first.prepared is not None
    own = f"{first.prepared.folder}/validation.jsonl"
    assert files(life, first)["validation_file_path"] == own
    frozen = life.ledger.lane("support").lane.frozen
    assert frozen is not None
    assert frozen.run == first.name
    assert frozen.digest == hashlib.sha256(read(life, own)).hexdigest()[:32] == first.eval_digest
    assert read(life, frozen.path) == read(life, own)
    life.tick()
    second = trained(life, "support/b.jsonl", chats(topic="two"), 0.4)
    assert files(life, second)["validation_file_path"] == frozen.path
    assert second.eval_digest == frozen.digest
    assert life.ledger.lane("support").lane.frozen == frozen


def test_a_worse_loss_than_the_champions_on_the_same_rows_is_stopped_with_both_figures() -> None:
    life = Life()
    life.storage.recipes.put("support", KEEP)
    champion = trained(life, "support/a.jsonl", chats(topic="one"), 0.5)
    life.tick()
    worse = trained(life, "support/b.jsonl", chats(topic="scrambled"), 0.52)
    assert worse.problem is not None
    assert worse.problem.code == "gate-regression"
    assert "0.52" in worse.problem.message
    assert "champion's 0.5 on the same rows" in worse.problem.message
    figures = worse.history[-1].figures
    assert (figures["eval_loss"], figures["champion_eval_loss"]) == (0.52, 0.5)
    assert figures["max_with_regression"] == 0.51
    assert (worse.model, worse.endpoint) == (None, None)
    assert life.run(champion.name).state is State.LIVE
    life.tick()
    close = trained(life, "support/c.jsonl", chats(topic="three"), 0.509)
    assert close.state is State.LIVE
    assert "the champion's 0.5 on the same rows" in reason(close)


def test_a_missing_baseline_is_said_to_be_missing_and_never_guessed() -> None:
    from msgspec.structs import replace

    life = Life()
    first = trained(life, "support/a.jsonl", chats(topic="one"), 0.5)
    assert "no champion to compare with" in reason(first)
    held = life.ledger.load(first.name)
    life.ledger.save(held, replace(held.run, eval_digest="0" * 32))
    life.tick()
    second = trained(life, "support/b.jsonl", chats(topic="two"), 9.0)
    assert second.state is State.LIVE
    assert f"no baseline: the champion's loss ({first.name}) was measured on other rows" in reason(second)
    held = life.ledger.load(second.name)
    life.ledger.save(held, replace(held.run, metrics={}))
    life.tick()
    third = trained(life, "support/c.jsonl", chats(topic="three"), 9.0)
    assert "has no loss on record" in reason(third)


def test_train_rows_that_ask_what_is_evaluated_are_taken_out() -> None:
    life = Life()
    first = trained(life, "support/a.jsonl", chats(topic="one"), 0.5)
    assert first.prepared is not None
    asked = read(life, f"{first.prepared.folder}/validation.jsonl").splitlines()[0]
    question = json.loads(asked)["messages"][0]["content"]
    # A folder's given train rows stay where they are put, whatever the split would say.
    said = [{"role": "user", "content": f"  {question.upper()} "}, {"role": "assistant", "content": "x"}]
    row = json.dumps({"messages": said}).encode() + b"\n"
    life.tick()
    drops = life.storage.drops
    drops.put("support/f/train.jsonl", row + chats(topic="two"), {})
    drops.put("support/f/test.jsonl", chats(5, topic="another"), {})
    drops.put("support/f/validation.jsonl", chats(5, topic="other"), {})
    drops.put("support/f/_SUCCESS", b"", {})
    name = next(name for name in [_receive(life, "support/f/_SUCCESS")] if name)
    life.until(name, "training")
    life.tick()
    run = life.run(name)
    assert run.evaluation is not None
    assert run.evaluation.taken == 1
    train = read(life, files(life, run)["train_file_path"])
    assert question.upper().encode() not in train
    assert run.prepared is not None
    assert len(train.splitlines()) == run.prepared.rows["train"] - 1


def test_too_few_rows_that_are_left_are_no_training() -> None:
    life = Life()
    life.storage.recipes.put("support", KEEP + "data: {min_rows: 40}\n")
    first = trained(life, "support/a.jsonl", chats(60, topic="one"), 0.5)
    assert first.prepared is not None
    asked = read(life, f"{first.prepared.folder}/validation.jsonl")
    life.tick()
    drops = life.storage.drops
    drops.put("support/f/train.jsonl", asked + chats(39, topic="two"), {})
    drops.put("support/f/validation.jsonl", chats(5, topic="other"), {})
    drops.put("support/f/_SUCCESS", b"", {})
    name = _receive(life, "support/f/_SUCCESS")
    run = life.until(name, "failed")
    assert run.problem is not None
    assert run.problem.code == "train-rows-evaluated"
    assert "train rows are left without the" in run.problem.message
    assert "expected data.min_rows (40)" in run.problem.message
    assert life.azureml.jobs.names == [first.job]


def _receive(life: Life, path: str) -> str:
    from shared.app.advance import advance
    from shared.app.receive import receive

    name = receive(life.world, path)
    assert name is not None
    advance(life.world, life.timing, name)
    return name


def test_few_rows_tell_a_regression_and_stop_nothing() -> None:
    life = Life()
    trained(life, "support/a.jsonl", chats(topic="one"), 0.5)
    life.tick()
    second = trained(life, "support/b.jsonl", chats(topic="two"), 5.0)
    assert second.state is State.LIVE
    assert "eval_loss 5, the champion's 0.5 on the same rows" in reason(second)
    assert "too few rows to judge by (evaluation.min_rows 20)" in reason(second)
