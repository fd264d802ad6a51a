"""The whole loop on the tiny model: only the drop is the test's, events and timers do the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.rig import Rig, chats
from tests.local.azureml.rig import until

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

pytestmark = pytest.mark.xdist_group("e2e")


@pytest.fixture(scope="module")
def live(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = chats(tmp_path_factory.mktemp("drop") / "first.jsonl", "shop")
    dropped = rig.droptune("drop", str(path), "--recipe", "tiny", "--wait")
    assert dropped["state"] == "live"
    return rig.show(dropped["run"])


def test_a_drop_becomes_a_live_model(rig: Rig, live: Any) -> None:
    assert [change["state"] for change in live["history"]] == [
        "received",
        "validating",
        "queued",
        "training",
        "registering",
        "deploying",
        "testing",
        "promoting",
        "live",
    ]
    assert rig.made_for(live["run"]) == {"jobs": 1, "models": 1, "endpoints": 1, "deployments": 1}
    assert live["metrics"]["eval_loss"] > 0


def test_the_live_model_answers(rig: Rig, live: Any) -> None:
    answers = (rig.droptune("ask", "tiny", "shop question 3?")["answer"] for _ in range(3))
    assert any(answer.strip() for answer in answers)  # sampled: one may be empty by chance
    assert live["endpoint"] in [
        row["endpoint"] for row in rig.droptune("endpoints") if row["whose"] == "ours"
    ]


def test_the_same_again_is_unchanged_and_trains_nothing(rig: Rig, live: Any, tmp_path: Path) -> None:
    before = rig.azureml("/admin/requests")["jobs"]
    path = chats(tmp_path / "again.jsonl", "shop")
    again = rig.droptune("drop", str(path), "--recipe", "tiny", "--wait")
    assert again["state"] == "unchanged"
    assert live["run"] in again["reason"]
    assert rig.azureml("/admin/requests")["jobs"] == before


def test_bad_lines_are_named_and_no_job_is_made(rig: Rig, tmp_path: Path) -> None:
    before = rig.azureml("/admin/requests")["jobs"]
    path = chats(tmp_path / "bad.jsonl", "bad")
    lines = path.read_text("utf-8").splitlines()
    lines[2], lines[6] = (
        '{"messages": [',
        '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant"}]}',
    )
    path.write_text("\n".join(lines) + "\n", "utf-8")
    dropped = rig.droptune("drop", str(path), "--recipe", "tiny", "--no-check", "--wait", good=(1,))
    assert dropped["state"] == "rejected"
    shown = rig.run("show", dropped["run"]).stdout
    assert "line 3:" in shown
    assert "line 7:" in shown
    assert "droptune drop FILE --recipe tiny" in shown
    assert rig.azureml("/admin/requests")["jobs"] == before
    assert b"<!doctype html>" in rig.run("show", dropped["run"], "--report").stdout.encode()


def test_a_local_check_stops_a_bad_file_before_it_leaves(rig: Rig, tmp_path: Path) -> None:
    path = tmp_path / "worse.jsonl"
    path.write_text("not json\n", "utf-8")
    done = rig.run("drop", str(path), "--recipe", "tiny")
    assert done.returncode == 1
    assert "droptune check" in done.stderr


def test_a_drop_without_a_recipe_names_the_nearest(rig: Rig, tmp_path: Path) -> None:
    path = chats(tmp_path / "x.jsonl", "x")
    dropped = rig.droptune("drop", str(path), "--recipe", "tinny", "--no-check", "--wait", good=(1,))
    assert dropped["state"] == "rejected"
    assert "Did you mean 'tiny'?" in dropped["reason"]


def test_newer_data_takes_the_traffic_and_can_be_sent_back(rig: Rig, live: Any, tmp_path: Path) -> None:
    path = chats(tmp_path / "second.jsonl", "garden")
    second = rig.droptune("drop", str(path), "--recipe", "tiny", "--wait")
    assert second["state"] == "live"
    assert rig.show(live["run"])["state"] == "superseded"
    assert rig.droptune("rollback", "tiny")["deployment"] == live["deployment"]
    traffic = next(row["traffic"] for row in rig.droptune("endpoints") if row["endpoint"] == live["endpoint"])
    assert traffic == {live["deployment"]: 100}
    assert rig.show(live["run"])["state"] == "live"
    assert rig.show(second["run"])["state"] == "superseded"


def test_the_web_shows_the_same_and_wants_a_key(rig: Rig, live: Any) -> None:
    import httpx

    base = rig.stack.url("host")
    assert httpx.get(f"{base}/api/health", trust_env=False).json() == {"status": "ok"}
    assert httpx.get(f"{base}/api/runs", trust_env=False).status_code == 401
    key = json.loads((rig.stack.home / "keys.json").read_text())["default"]
    headers = {"x-functions-key": key}
    listed = httpx.get(f"{base}/api/runs", headers=headers, trust_env=False).json()
    assert live["run"] in [row["run"] for row in listed]
    shown = httpx.get(f"{base}/api/runs/{live['run']}", headers=headers, trust_env=False).json()
    assert shown["deployment"] == live["deployment"]
    assert httpx.get(f"{base}/api/runs/none", headers=headers, trust_env=False).status_code == 404
    plan = httpx.get(
        f"{base}/api/sweep/plan?format=json", headers=headers, trust_env=False, timeout=60
    ).json()
    assert live["endpoint"] in [verdict["endpoint"] for verdict in plan["verdicts"]]
    assert httpx.get(f"{base}/api/sweep/plan", trust_env=False).status_code == 401
    report = f"{base}/api/runs/{live['run']}/report"
    page = httpx.get(report, headers=headers, trust_env=False)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.text == rig.run("show", live["run"], "--report").stdout
    assert httpx.get(report, trust_env=False).status_code == 401
    assert httpx.get(report, params={"code": key}, trust_env=False).status_code == 401


def test_the_topic_heard_the_story_and_the_cost_is_foretold(rig: Rig, live: Any) -> None:
    import httpx

    def heard() -> list[str]:
        published = httpx.get(f"{rig.stack.url('relay')}/admin/events", trust_env=False).json()["published"]
        # By id: the topic takes an event at least once.
        mine = {one["id"]: one for one in published if one["subject"] == f"runs/{live['run']}"}
        return [one["data"]["state"] for one in sorted(mine.values(), key=lambda one: str(one["sequence"]))]

    states = [change["state"] for change in live["history"]]
    until(lambda: heard()[: len(states)] == states, 120, "the topic has heard the whole story")
    printed = [json.loads(line) for line in rig.run("events").stdout.splitlines()]
    mine = [one["data"]["state"] for one in printed if one["subject"] == f"runs/{live['run']}"]
    assert mine[: len(states)] == states
    assert live["cost"]["foretold_usd"] is not None
    assert live["cost"]["training_usd"] is not None
    assert live["cost"]["serving_usd_a_day"] > 80
