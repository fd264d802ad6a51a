"""The sweep on fakes: exactly the right things go, each by its rule, and nothing else is touched."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from shared.app.reviving import revive
from shared.app.sweep import sweep
from shared.domain.errors import Changed, Missing, Permanent, Transient
from shared.domain.run import State
from shared.domain.sweep_holder import holder
from shared.domain.tags import EXPIRES, INSTALLATION, KEEP
from shared.ports import DeploymentSpec
from tests.app.life import Life, chats
from tests.fakes.azureml import FakeAzureML

if TYPE_CHECKING:
    from shared.app.sweep_report import SweepReport
    from shared.domain.run import Run

SHORT = "serving: {rollout: [100]}\ncost: {idle_hours: 1, grace_hours: 0, ttl_days: 1, idle_action: delete}\n"


def served(life: Life, recipe: str = SHORT) -> Run:
    life.storage.recipes.put("support", recipe)
    return life.live()


def pass_hours(life: Life, run: Run, hours: float) -> None:
    """Let time pass in which the deployment lives and nobody asks it anything."""
    before = life.at
    life.at += timedelta(hours=hours)
    life.azureml.monitor.beat(run.endpoint or "", run.deployment or "", before, life.at)


def rules(report: SweepReport) -> dict[str, tuple[str, str]]:
    return {verdict.key: (verdict.action, verdict.rule) for verdict in report.verdicts}


def test_an_idle_endpoint_goes_and_its_run_retires() -> None:
    life = Life()
    run = served(life)
    assert [v.rule for v in sweep(life.world, dry_run=False).verdicts] == ["too-young"]
    pass_hours(life, run, 2)
    report = sweep(life.world, dry_run=False)
    assert [(v.endpoint, v.deployment, v.rule) for v in report.taken] == [(run.endpoint, None, "idle")]
    assert list(life.world.endpoints.all()) == []
    assert life.run(run.name).state is State.RETIRED
    lane = life.ledger.lane("support").lane
    assert (lane.champion, lane.endpoint, lane.deploying) == (None, None, None)
    assert report.saves_monthly_usd is not None
    assert report.saves_monthly_usd > 0
    life.at += timedelta(hours=10)
    assert sweep(life.world, dry_run=False).saved_usd == pytest.approx(10 * 3.673, abs=0.01)
    assert [v.tags["droptune-run"] for v in life.azureml.models.versions] == [run.name]


@pytest.mark.parametrize(
    "broken", ["cost: {idle_hours: .inf}", "training: {day: 2026-13-45}", "checks: {1: warn}"]
)
def test_a_recipe_that_cannot_be_read_sets_no_limits_and_stops_no_sweep(broken: str) -> None:
    """The copy in the run governs then; other recipes' endpoints are looked at as ever."""
    life = Life()
    run = served(life)
    life.storage.recipes.put("support", broken)
    life.storage.recipes.put("default", broken)
    pass_hours(life, run, 2)
    assert [verdict.rule for verdict in sweep(life.world, dry_run=False).taken] == ["idle"]


def test_the_same_sweep_twice_changes_nothing_more() -> None:
    life = Life()
    pass_hours(life, served(life), 2)
    sweep(life.world, dry_run=False)
    before = dict(life.azureml.calls)
    assert sweep(life.world, dry_run=False).taken == ()
    assert life.azureml.calls["endpoints.delete"] == before["endpoints.delete"]


def test_hibernation_takes_the_deployment_and_keeps_the_address() -> None:
    life = Life()
    run = served(life, SHORT.replace("delete", "hibernate"))
    pass_hours(life, run, 2)
    sweep(life.world, dry_run=False)
    assert [endpoint.name for endpoint in life.world.endpoints.all()] == [run.endpoint]
    assert life.world.endpoints.deployments(run.endpoint or "") == []
    assert life.run(run.name).state is State.RETIRED


def test_an_empty_endpoint_goes_when_its_time_is_over() -> None:
    life = Life()
    run = served(life, SHORT.replace("delete", "hibernate"))
    pass_hours(life, run, 2)
    sweep(life.world, dry_run=False)
    assert rules(sweep(life.world, dry_run=False)) == {f"{run.endpoint}/": ("keep", "empty-young")}
    life.at += timedelta(days=1)
    assert [v.rule for v in sweep(life.world, dry_run=False).taken] == ["empty"]


def test_a_dry_run_names_what_would_go_and_touches_nothing() -> None:
    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    report = sweep(life.world, dry_run=True)
    assert rules(report) == {f"{run.endpoint}/": ("take", "idle")}
    assert report.taken == ()
    assert life.azureml.count("endpoints.delete") == 0


def test_a_plan_is_applied_as_it_was_or_not_at_all() -> None:
    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    plan = sweep(life.world, dry_run=True).digest
    life.azureml.monitor.asked(run.endpoint or "", run.deployment or "", life.at - timedelta(minutes=5))
    with pytest.raises(Changed, match="the world has changed"):
        sweep(life.world, dry_run=False, plan_digest=plan)
    life.at += timedelta(hours=2)
    life.azureml.monitor.beat(run.endpoint or "", run.deployment or "", life.at - timedelta(hours=3), life.at)
    plan = sweep(life.world, dry_run=True).digest
    assert len(sweep(life.world, dry_run=False, plan_digest=plan).taken) == 1


def test_a_failed_query_deletes_nothing() -> None:
    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    life.azureml.fail_next("monitor.requests", Transient("azureml-unavailable", "away"), times=2)
    assert rules(sweep(life.world, dry_run=False))[f"{run.endpoint}/{run.deployment}"] == ("keep", "unknown")


def test_without_a_heartbeat_nothing_goes() -> None:
    life = Life()
    run = served(life)
    life.at += timedelta(hours=5)
    found = rules(sweep(life.world, dry_run=False))
    assert found[f"{run.endpoint}/{run.deployment}"] == ("keep", "no-heartbeat")


def test_a_request_between_plan_and_deed_saves_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    from shared.app import taking

    look = taking._still_so

    def somebody_asks(*args: object) -> bool:
        life.azureml.monitor.asked(run.endpoint or "", run.deployment or "", life.at - timedelta(minutes=1))
        return look(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(taking, "_still_so", somebody_asks)
    assert sweep(life.world, dry_run=False).taken == ()
    assert life.azureml.count("endpoints.delete") == 0
    assert life.ledger.lane("support").lane.deploying is None


def test_what_is_not_ours_is_listed_and_never_touched() -> None:
    life = Life()
    life.live()
    life.world.endpoints.create("theirs", "key", {INSTALLATION: "another"})
    life.world.endpoints.create("nobodys", "key", {})
    life.at += timedelta(days=400)
    found = rules(sweep(life.world, dry_run=False))
    assert found["theirs/"] == found["nobodys/"] == ("keep", "not-ours")


def test_an_empty_or_foreign_ledger_deletes_nothing() -> None:
    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    stored = life.world.ledger.read("installation")
    life.world.ledger.replace("installation", b"another", stored.etag)
    assert {rule for _action, rule in rules(sweep(life.world, dry_run=False)).values()} == {"not-ours"}
    life.world.ledger.delete("installation")
    assert {rule for _action, rule in rules(sweep(life.world, dry_run=False)).values()} == {"not-ours"}


def test_grace_marks_first_and_a_mark_that_no_longer_holds_goes() -> None:
    life = Life()
    run = served(life, SHORT.replace("grace_hours: 0", "grace_hours: 3"))
    pass_hours(life, run, 2)
    thing = f"{run.endpoint}/{run.deployment}"
    assert rules(sweep(life.world, dry_run=False)) == {thing: ("mark", "idle")}
    pass_hours(life, run, 1)
    life.azureml.monitor.asked(run.endpoint or "", run.deployment or "", life.at - timedelta(minutes=2))
    assert [v.rule for v in sweep(life.world, dry_run=False).verdicts] == ["in-use"]
    pass_hours(life, run, 3)
    assert [v.action for v in sweep(life.world, dry_run=False).verdicts] == ["mark"]
    pass_hours(life, run, 3)
    assert [v.rule for v in sweep(life.world, dry_run=False).taken] == ["idle"]


def test_a_failed_deployment_goes_at_once() -> None:
    life = Life()
    run = served(life, SHORT.replace("grace_hours: 0", "grace_hours: 24"))
    tags = dict(life.world.endpoints.deployment(run.endpoint or "", run.deployment or "").tags)
    model = life.azureml.models.versions[0].id
    spec = DeploymentSpec(run.endpoint or "", "rfailed", model, "Standard_NC24ads_A100_v4", 1, tags)
    life.world.endpoints.deploy(spec)
    life.azureml.endpoints.fail(run.endpoint or "", "rfailed", "no room")
    assert [(v.deployment, v.rule) for v in sweep(life.world, dry_run=False).taken] == [("rfailed", "failed")]
    assert life.run(run.name).state is State.LIVE


def test_a_previous_deployment_goes_past_its_time() -> None:
    life = Life()
    patient = SHORT.replace("grace_hours: 0", "grace_hours: 24")  # which is for what may still be wanted
    life.storage.recipes.put("support", patient + "keep: {models: 5}\n")
    first = life.live("support/a.jsonl", chats(topic="one"))
    life.tick()
    second = life.live("support/b.jsonl", chats(topic="two"))
    assert rules(sweep(life.world, dry_run=False))[f"{first.endpoint}/{first.deployment}"][1] == "previous"
    life.at += timedelta(hours=1, minutes=1)
    life.azureml.monitor.asked(second.endpoint or "", second.deployment or "", life.at - timedelta(minutes=2))
    report = sweep(life.world, dry_run=False)
    assert [(v.deployment, v.rule) for v in report.taken] == [(first.deployment, "previous-past-its-time")]
    assert life.run(first.name).state is State.RETIRED
    assert life.ledger.lane("support").lane.previous is None


def test_a_deployment_that_is_no_longer_the_way_back_goes() -> None:
    life = Life()
    life.storage.recipes.put("support", SHORT.replace("grace_hours: 0", "grace_hours: 24"))
    runs = []
    for topic in ("one", "two", "three"):
        runs.append(life.live(f"support/{topic}.jsonl", chats(topic=topic)))
        life.tick()
    report = sweep(life.world, dry_run=False)
    assert [(v.deployment, v.rule) for v in report.taken] == [(runs[0].deployment, "superseded")]
    assert rules(report)[f"{runs[1].endpoint}/{runs[1].deployment}"][1] == "previous"
    assert life.run(runs[0].name).state is State.RETIRED
    assert life.run(runs[2].name).state is State.LIVE


def test_traffic_that_a_person_split_keeps_nothing_idle_from_going() -> None:
    life = Life()
    stays = "rollout: [100], keep_previous_hours: 1"
    life.storage.recipes.put("support", SHORT.replace("delete", "hibernate").replace("rollout: [100]", stays))
    first = life.live("support/a.jsonl", chats(topic="one"))
    life.tick()
    second = life.live("support/b.jsonl", chats(topic="two"))
    endpoint = second.endpoint or ""
    life.world.endpoints.set_traffic(endpoint, {first.deployment or "": 30, second.deployment or "": 70})
    before = life.at
    pass_hours(life, first, 3)
    life.azureml.monitor.beat(endpoint, second.deployment or "", before, life.at)
    report = sweep(life.world, dry_run=False)
    assert report.errors == {}
    assert {verdict.deployment for verdict in report.taken} == {first.deployment, second.deployment}
    assert life.world.endpoints.deployments(endpoint) == []


def test_people_may_keep_what_they_like_until_they_say() -> None:
    life = Life()
    run = served(life)
    kept = {KEEP: "the fair", EXPIRES: (life.at + timedelta(days=2)).isoformat()}
    tags = {**life.world.endpoints.find(run.endpoint or "").tags, **kept}
    life.azureml.endpoints.tag(run.endpoint or "", tags)
    pass_hours(life, run, 24)
    assert [v.rule for v in sweep(life.world, dry_run=False).verdicts] == ["kept"]
    pass_hours(life, run, 25)
    assert [v.rule for v in sweep(life.world, dry_run=False).taken] == ["idle"]


def test_a_lane_that_deploys_is_left_alone_and_a_dead_sweeps_slot_is_not() -> None:
    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    held = life.ledger.lane("support")
    held = life.ledger.save_lane(held, replace(held.lane, deploying=holder(life.at, "other")))
    assert sweep(life.world, dry_run=False).taken == ()
    life.ledger.save_lane(held, replace(held.lane, deploying=holder(life.at - timedelta(minutes=11), "dead")))
    assert len(sweep(life.world, dry_run=False).taken) == 1


def test_a_dead_sweeps_slot_keeps_no_empty_endpoint_and_a_runs_does() -> None:
    life = Life()
    run = served(life, SHORT.replace("delete", "hibernate"))
    pass_hours(life, run, 2)
    for _ in range(2):
        sweep(life.world, dry_run=False)
    life.at += timedelta(days=1)
    coming = life.drop("support/b.jsonl", chats(topic="two"))
    for mine, rule in ((coming, "deploying"), (holder(life.at, "other"), "deploying"), (run.name, "empty")):
        held = life.ledger.lane("support")
        life.ledger.save_lane(held, replace(held.lane, deploying=mine))
        assert rules(sweep(life.world, dry_run=True))[f"{run.endpoint}/"][1] == rule
    held = life.ledger.lane("support")
    dead = holder(life.at - timedelta(minutes=11), "dead")
    life.ledger.save_lane(held, replace(held.lane, deploying=dead))
    assert [v.rule for v in sweep(life.world, dry_run=False).taken] == ["empty"]


def test_our_own_questions_keep_nothing_alive() -> None:
    from shared.app import own_requests

    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    own_requests.note(life.world, run.endpoint or "", run.deployment or "")
    life.azureml.monitor.asked(run.endpoint or "", run.deployment or "", life.at)
    assert [v.rule for v in sweep(life.world, dry_run=False).taken] == ["idle"]


def test_what_a_crash_left_half_taken_is_written_down_by_the_next_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from shared.app import going

    life = Life()
    run = served(life)
    pass_hours(life, run, 2)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(going, "write_down", dies)
        with pytest.raises(KeyboardInterrupt):
            sweep(life.world, dry_run=False)
    assert list(life.world.endpoints.all()) == []
    assert life.run(run.name).state is State.LIVE
    life.at += timedelta(minutes=15)
    sweep(life.world, dry_run=False)
    assert life.run(run.name).state is State.RETIRED
    assert life.ledger.lane("support").lane.champion is None
    assert list(life.world.ledger.names("sweep/going/")) == []


def test_in_quiet_hours_nothing_goes() -> None:
    life = Life()
    run = served(life, SHORT.replace("ttl_days: 1,", 'ttl_days: 1, quiet_hours: "12:00-16:00 UTC",'))
    pass_hours(life, run, 2)
    (verdict,) = sweep(life.world, dry_run=False).verdicts
    assert (verdict.action, verdict.rule) == ("later", "idle")
    assert "quiet hours until 2026-11-24 16:00:00 UTC" in verdict.reason
    pass_hours(life, run, 2)
    assert len(sweep(life.world, dry_run=False).taken) == 1


def test_a_hibernated_endpoint_stays_for_its_days_however_old_it_is() -> None:
    life = Life()
    run = served(life, SHORT.replace("delete", "hibernate"))
    pass_hours(life, run, 24 * 20)
    assert [v.rule for v in sweep(life.world, dry_run=False).taken] == ["idle"]
    assert rules(sweep(life.world, dry_run=False)) == {f"{run.endpoint}/": ("keep", "empty-young")}
    assert rules(sweep(life.world, dry_run=False)) == {f"{run.endpoint}/": ("keep", "empty-young")}
    life.at += timedelta(days=1)
    assert [v.rule for v in sweep(life.world, dry_run=False).taken] == ["empty"]


def test_a_mark_outlives_figures_that_cannot_be_read() -> None:
    life = Life()
    run = served(life, SHORT.replace("grace_hours: 0", "grace_hours: 3"))
    pass_hours(life, run, 2)
    assert [v.action for v in sweep(life.world, dry_run=False).verdicts] == ["mark"]
    pass_hours(life, run, 2)
    life.azureml.fail_next("monitor.requests", Transient("azureml-unavailable", "away"))
    assert [v.rule for v in sweep(life.world, dry_run=False).verdicts] == ["unknown"]
    pass_hours(life, run, 1)
    assert [v.rule for v in sweep(life.world, dry_run=False).taken] == ["idle"]


def test_one_endpoint_that_cannot_be_looked_at_stops_no_other() -> None:
    life = Life()
    run = served(life)
    life.world.endpoints.create("aaa", "key", {INSTALLATION: "tests"})
    pass_hours(life, run, 2)
    life.azureml.fail_next("endpoints.deployments", Transient("azureml-unavailable", "away"))
    report = sweep(life.world, dry_run=True)
    assert len(report.errors) == 1
    assert len(report.verdicts) == 1


def test_a_pause_that_azure_asks_for_is_given() -> None:
    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    throttled = Transient("azureml-throttled", "too many", retry_after=0.01)
    life.azureml.fail_next("endpoints.deployments", throttled)
    report = sweep(life.world, dry_run=True)
    assert (report.errors, [v.rule for v in report.verdicts]) == ({}, ["idle"])


def test_an_endpoint_that_goes_while_the_sweep_looks_is_gone_and_no_error() -> None:
    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    missing = Missing("azureml-missing", "It does not exist.")
    life.azureml.fail_next("endpoints.deployments", missing)
    with pytest.raises(Missing):
        sweep(life.world, dry_run=True)  # it is there: something else is missing
    life.azureml.fail_next("endpoints.deployments", missing)
    life.azureml.fail_next("endpoints.find", missing)
    report = sweep(life.world, dry_run=True)
    assert (report.errors, report.verdicts) == ({}, ())


def test_figures_are_asked_for_only_where_they_decide() -> None:
    life = Life()
    run = served(life)
    before = life.azureml.count("monitor.requests")
    sweep(life.world, dry_run=False)
    assert life.azureml.count("monitor.requests") == before
    pass_hours(life, run, 2)
    life.azureml.monitor.asked(run.endpoint or "", run.deployment or "", life.at - timedelta(minutes=5))
    sweep(life.world, dry_run=False)
    assert life.azureml.count("monitor.requests") == before + 1
    assert life.azureml.count("monitor.heartbeats") == 0


def test_a_previous_deployment_that_was_given_traffic_again_is_in_service() -> None:
    life = Life()
    life.storage.recipes.put("support", SHORT)
    first = life.live("support/a.jsonl", chats(topic="one"))
    life.tick()
    second = life.live("support/b.jsonl", chats(topic="two"))
    both = {first.deployment or "": 50, second.deployment or "": 50}
    life.world.endpoints.set_traffic(first.endpoint or "", both)
    life.at += timedelta(hours=1, minutes=1)
    for run in (first, second):
        life.azureml.monitor.asked(run.endpoint or "", run.deployment or "", life.at - timedelta(minutes=2))
    report = sweep(life.world, dry_run=False)
    assert report.taken == ()
    assert rules(report)[f"{first.endpoint}/{first.deployment}"] == ("keep", "in-use")


@pytest.mark.parametrize("whole", [True, False])
def test_what_a_person_deleted_is_written_down_and_told(whole: bool) -> None:  # noqa: FBT001 - a parameter
    life = Life()
    run = served(life, SHORT + "notify: {to: [TEAM_CHAT]}\n")
    endpoint, deployment = run.endpoint or "", run.deployment or ""
    if whole:
        life.world.endpoints.delete(endpoint)
    else:
        life.world.endpoints.undeploy(endpoint, deployment)
    sweep(life.world, dry_run=True)
    assert life.run(run.name).state is State.LIVE
    sweep(life.world, dry_run=False)
    retired = life.run(run.name)
    assert (retired.state, retired.history[-1].figures["rule"]) == (State.RETIRED, "deleted-outside")
    lane = life.ledger.lane("support").lane
    assert (lane.champion, lane.deploying) == (None, None)
    title, text = life.notices.people.told[-1][1:]
    assert title == f"Droptune: {endpoint}/{deployment} was taken away"
    assert "deleted outside Droptune" in text
    told = len(life.notices.people.told)
    sweep(life.world, dry_run=False)
    assert len(life.notices.people.told) == told
    revive(life.world, "support", "ann")
    assert life.until(run.name, "live").state is State.LIVE


def test_in_another_workspace_nothing_was_deleted() -> None:
    life = Life()
    run = served(life)
    empty = FakeAzureML(life.now)
    elsewhere = dataclasses.replace(life.world, workspace_id="/other", endpoints=empty.endpoints)
    sweep(elsewhere, dry_run=False)
    assert life.run(run.name).state is State.LIVE
    assert life.ledger.lane("support").lane.champion is not None


def test_what_could_not_be_looked_at_or_is_being_deployed_is_not_deleted() -> None:
    life = Life()
    run = served(life)
    other = DeploymentSpec("other", "rx", life.azureml.models.versions[0].id, "Standard_X", 1, {})
    life.azureml.endpoints.create("other", "key", {})
    life.azureml.endpoints.deploy(other)
    life.azureml.fail_next("endpoints.deployments", Permanent("no", "no"), times=2)
    with pytest.raises(Permanent):
        sweep(life.world, dry_run=False)
    assert life.run(run.name).state is State.LIVE
    life.world.endpoints.undeploy(run.endpoint or "", run.deployment or "")
    held = life.ledger.lane("support")
    life.ledger.save_lane(held, replace(held.lane, deploying=holder(life.at, "other")))
    sweep(life.world, dry_run=False)
    assert life.run(run.name).state is State.LIVE


def test_people_keep_unkeep_and_adopt() -> None:
    from shared.app import keeping

    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    with pytest.raises(Permanent, match="no date"):
        keeping.keep(life.world, "support", "tomorrow", "the fair")
    with pytest.raises(Permanent, match="past"):
        keeping.keep(life.world, "support", "2026-01-01", "the fair")
    with pytest.raises(Permanent, match="no endpoint"):
        keeping.keep(life.world, "nowhere", None, "the fair")
    odd = Permanent("endpoint-name", "'a' cannot name an endpoint.", "Rename the recipe")
    life.azureml.fail_next("endpoints.find", odd)
    with pytest.raises(Permanent, match="no endpoint, deployment or recipe 'a/b'"):
        keeping.keep(life.world, "a/b", None, "the fair")
    keeping.keep(life.world, "support", "2026-11-25", "the fair")
    assert [v.rule for v in sweep(life.world, dry_run=False).verdicts] == ["kept"]
    keeping.unkeep(life.world, "support")
    assert [v.rule for v in sweep(life.world, dry_run=True).verdicts] == ["idle"]
    life.world.endpoints.create("theirs", "key", {INSTALLATION: "another"})
    with pytest.raises(Permanent, match="belongs to the installation another"):
        keeping.adopt(life.world, "theirs", "nora")
    life.world.endpoints.create("foreign", "key", {"team": "b"})
    model = life.azureml.models.versions[0].id
    life.world.endpoints.deploy(DeploymentSpec("foreign", "blue", model, "Standard_NC24ads_A100_v4", 1, {}))
    assert keeping.adopt(life.world, "foreign", "nora") == ["blue"]
    before = life.at
    life.at += timedelta(hours=73)
    life.azureml.monitor.beat("foreign", "blue", before, life.at)
    assert rules(sweep(life.world, dry_run=True))["foreign/blue"] == ("mark", "idle")
