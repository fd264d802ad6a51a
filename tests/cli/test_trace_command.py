"""`droptune trace` over fakes: what it tells of a life, of two runs of one path, and of nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.app.people import retry
from shared.app.sweep import sweep
from shared.cli.main import main
from tests.app.life import Life, chats
from tests.app.test_sweep import pass_hours, served
from tests.domain.builders import NOON

DROP = "support/a.jsonl"


def traced(capsys: pytest.CaptureFixture[str], given: str = DROP) -> list[dict[str, Any]]:
    assert main(["trace", given, "--json"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert set(found) == {"drop", "runs"}
    runs: list[dict[str, Any]] = found["runs"]
    return runs


def test_from_the_etag_to_the_endpoint_s_deletion(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    run = served(life)
    pass_hours(life, run, 2)
    sweep(life.world, dry_run=False)
    gone = life.at
    life.at += timedelta(days=3)
    [found] = traced(capsys)
    assert (found["run"], found["state"], found["drop"]["etag"]) == (run.name, "retired", run.drop.etag)
    assert run.prepared is not None
    assert found["source_digest"] == run.prepared.source_digest
    assert found["model"] == f"{run.model}:{run.model_version}"
    stop = found["stopped"]
    assert (stop["rule"], stop["taken"]) == ("idle", f"endpoint {run.endpoint}")
    assert stop["at"] == gone.isoformat().replace("+00:00", "Z")
    assert (found["billing"], found["usd_a_day"]) == (None, 0.0)
    made = [step["made"] for step in found["steps"] if step["made"]]
    assert made == [
        f"prepared/{run.prepared.folder}",
        f"job {run.job}",
        f"model {run.model}:{run.model_version}",
        f"deployment {run.deployment} of {run.endpoint}",
    ]
    live = next(step for step in found["steps"] if step["state"] == "live")
    assert live["usd"] == pytest.approx(2 * 3.673, abs=0.01)
    assert found["total_usd"] == pytest.approx(sum(step["usd"] for step in found["steps"]), abs=0.02)


def test_a_person_reads_what_it_cost_and_that_it_still_does(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    run = served(life)
    life.at += timedelta(hours=2)
    assert main(["trace", DROP]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{run.name} is live: $")
    assert f"\n  drop     {DROP}  {run.drop.size:,} bytes  ETag {run.drop.etag}  of 2026-11-24" in said
    assert "2.0 h so far" in said
    assert f"deployment {run.deployment} of {run.endpoint} still bills: $88.15 a day\n" in said
    assert said.endswith(
        "Times are UTC. List prices; storage, logs, the Function App, discounts and taxes are not in them.\n"
    )


def test_a_path_that_was_overwritten_has_two_runs_the_newest_last(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    first = life.live()
    life.tick()
    second = life.live(data=chats(topic="other"))
    found = traced(capsys)
    assert [one["run"] for one in found] == [first.name, second.name]
    assert found[0]["drop"]["etag"] != found[1]["drop"]["etag"]
    assert [one["run"] for one in traced(capsys, first.name)] == [first.name]


def test_what_a_failed_attempt_took_is_told_and_counts(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    name = life.drop()
    life.until(name, "training")
    life.tick(3600)
    job = life.run(name).job
    assert job is not None
    life.azureml.jobs.fail(job, "no reason")
    life.until(name, "failed")
    retry(life.world, name, "nora")
    life.until(name, "training")
    life.tick(3600)
    life.train(name)
    run = life.until(name, "live")
    [found] = traced(capsys)
    took = [step["usd"] for step in found["steps"] if step["state"] == "training"]
    assert len(took) == 2
    assert all(usd > 3.6 for usd in took)
    assert run.spent_usd == pytest.approx(sum(took), abs=0.01)
    assert [step["by"] for step in found["steps"]].count("nora") == 1


def test_a_folder_names_its_files(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("train", "validation"):
        life.storage.drops.put(f"support/week/{part}.jsonl", chats(topic=part))
    run = life.run(life.drop("support/week/_SUCCESS", b""))
    [found] = traced(capsys, "support/week/")
    assert [(one["path"], one["etag"]) for one in found["drop"]["members"]] == [
        (one.path, one.etag) for one in run.drop.members
    ]
    assert main(["trace", "support/week/"]) == 0
    said = capsys.readouterr().out
    assert all(f"{one.path}  {one.size:,} bytes  ETag {one.etag}\n" in said for one in run.drop.members)
    assert len(run.drop.members) == 2


@pytest.mark.usefixtures("life")
@pytest.mark.parametrize("given", ["support/none.jsonl", "none", "support/\x1b[2J"])
def test_an_unknown_drop_is_the_error_that_forget_gives(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", given]) == 1
    said = capsys.readouterr()
    assert main(["forget", given]) == 1
    assert said.err == capsys.readouterr().err
    assert said.out == ""
    assert "No run is of the drop" in said.err
    assert "\x1b" not in said.err


def test_control_characters_are_shown_not_obeyed(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    path = "support/\x1b]0;owned\x07.jsonl"
    life.drop(path)
    assert main(["trace", path]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\\x1b]0;owned\\x07" in said


def test_a_drop_outside_any_recipe_s_folder_is_found_too(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    name = life.drop("lost.jsonl")
    [found] = traced(capsys, "lost.jsonl")
    assert (found["run"], found["state"], found["total_usd"]) == (name, "rejected", 0.0)
    assert found["drop"]["modified"] == NOON.isoformat().replace("+00:00", "Z")
