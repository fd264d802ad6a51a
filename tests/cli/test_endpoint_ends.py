"""The end of an endpoint stands in the record of every run that stood there, however long ago."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.app import going, views
from shared.app.reviving import revive
from shared.app.sweep import sweep
from shared.cli.main import main
from shared.domain.run import State
from shared.web import run_page
from tests.app.life import Life, chats
from tests.app.test_sweep import SHORT, pass_hours, served

HIBERNATES = SHORT.replace("delete", "hibernate")
RULE = "by rule empty: no deployment for 1.0 days, at least 1.0 days"


def hibernate(life: Life, name: str) -> None:
    pass_hours(life, life.run(name), 2)
    sweep(life.world, dry_run=False)
    assert life.run(name).state is State.RETIRED


def take_the_empty_one(life: Life) -> None:
    sweep(life.world, dry_run=False)
    life.at += timedelta(days=1)
    assert [v.rule for v in sweep(life.world, dry_run=False).taken] == ["empty"]


def test_a_run_tells_when_its_hibernated_endpoint_went_and_why(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    run = served(life, HIBERNATES)
    hibernate(life, run.name)
    retired = life.run(run.name)
    assert retired.endpoint_ends == ()
    take_the_empty_one(life)
    told = f"{run.endpoint} went {life.at:%Y-%m-%d %H:%M:%S} {RULE}"
    after = life.run(run.name)
    [end] = views.whole(after)["endpoint_ends"]
    assert (end["endpoint"], end["rule"]) == (run.endpoint, "empty")
    assert (after.history, after.updated, after.state) == (retired.history, retired.updated, retired.state)
    assert main(["show", run.name]) == main(["trace", run.name]) == 0
    shown, traced = capsys.readouterr().out.split(f"{run.name} is retired")[1:]
    assert f"  endpoint {told}\n" in shown
    assert f"  endpoint {told}\n" in traced
    assert f"{told}</span>" in run_page.render(after, {}, life.at)


def test_each_run_knows_the_end_that_came_after_it(life: Life) -> None:
    """Two runs stood there when it went; the second came back to an endpoint of that name, which went too."""
    life.storage.recipes.put("support", HIBERNATES)
    first = life.live("support/a.jsonl", chats(topic="one"))
    life.tick()
    second = life.live("support/b.jsonl", chats(topic="two"))
    life.tick(3700)
    assert [v.rule for v in sweep(life.world, dry_run=False).taken] == ["previous-past-its-time"]
    hibernate(life, second.name)
    take_the_empty_one(life)
    life.tick()
    revive(life.world, "support", "nora")
    again = life.until(second.name, "live")
    assert len(again.endpoint_ends) == 1
    hibernate(life, second.name)
    take_the_empty_one(life)
    ends = {name: [end.at for end in life.run(name).endpoint_ends] for name in (first.name, second.name)}
    assert len(ends[second.name]) == 2
    assert ends[first.name] == ends[second.name][:1]
    assert ends[second.name][1] == life.at


def test_an_end_that_a_crash_kept_from_the_record_is_written_by_the_next_sweep(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = served(life, HIBERNATES)
    hibernate(life, run.name)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(going, "_end", dies)
        with pytest.raises(KeyboardInterrupt):
            take_the_empty_one(life)
    went = life.at
    assert life.run(run.name).endpoint_ends == ()
    life.at += timedelta(minutes=15)
    sweep(life.world, dry_run=False)
    assert [end.at for end in life.run(run.name).endpoint_ends] == [went]
