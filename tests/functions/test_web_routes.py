"""The routes: their JSON, their headers, and what they say to a wrong question."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest

from functions import web
from shared.app.sweep import sweep
from shared.domain.errors import Transient
from tests.app.life import chats
from tests.app.test_sweep import pass_hours, served

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.app.life import Life

LINE = {"run", "recipe", "state", "reason", "updated", "job", "model", "endpoint"}


def _ask(route: Callable[[func.HttpRequest], func.HttpResponse], path: str, **more: Any) -> func.HttpResponse:
    return route(func.HttpRequest("GET", f"https://app.example/api/{path}", body=b"", **more))


def _body(response: func.HttpResponse) -> Any:
    return json.loads(response.get_body())


def test_health_says_that_it_answers_without_any_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)

    response = _ask(web.health, "health")

    assert (response.status_code, _body(response)) == (200, {"status": "ok"})


def test_runs_are_listed_newest_first(life: Life) -> None:
    older = life.drop("support/a.jsonl")
    life.tick()
    newer = life.drop("support/b.jsonl", chats(50, "garden"))

    listed = _body(_ask(web.runs, "runs"))

    assert [line["run"] for line in listed] == [newer, older]
    assert set(listed[0]) == LINE


@pytest.mark.parametrize(
    ("limit", "shown"), [("1", 1), ("0", 0), ("100", 3), ("-1", 3), ("all", 3), ("", 3), ("9" * 5000, 3)]
)
def test_the_limit_is_obeyed_and_a_wrong_one_means_the_most(life: Life, limit: str, shown: int) -> None:
    for name in "abc":
        life.drop(f"support/{name}.jsonl", chats(40, name))
        life.tick()

    response = _ask(web.runs, "runs", params={"limit": limit})

    assert response.status_code == 200
    assert len(_body(response)) == shown


def test_no_limit_shows_more_than_a_hundred_runs(life: Life) -> None:
    for number in range(102):
        life.storage.drops.put(f"nowhere/{number}.jsonl", b"{}")
        life.drop(f"nowhere/{number}.jsonl", b"{}")

    assert len(_body(_ask(web.runs, "runs", params={"limit": "102"}))) == web.NEWEST


def test_one_run_is_shown_with_all_that_belongs_to_it(life: Life) -> None:
    run = life.live()

    shown = _body(_ask(web.run, f"runs/{run.name}", route_params={"id": run.name}))

    assert shown.keys() >= LINE | {"history", "findings", "metrics", "cost"}
    assert shown["state"] == "live"
    assert [step["state"] for step in shown["history"]][-1] == "live"


def test_a_report_is_a_page_that_loads_nothing(life: Life) -> None:
    run = life.live()

    response = _ask(web.report, f"runs/{run.name}/report", route_params={"id": run.name})

    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert b"<!doctype html>" in response.get_body()
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_a_report_is_to_be_had_as_json(life: Life) -> None:
    run = life.live()

    response = _ask(web.report, "runs/x/report", route_params={"id": run.name}, params={"format": "json"})

    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert _body(response)["rows"]["total"] == 40


@pytest.mark.parametrize("name", ["code", "Code", "CODE"])
@pytest.mark.parametrize("headers", [{}, {"x-functions-key": "right"}])
@pytest.mark.parametrize("route", [web.report, web.sweep, web.plan])
def test_a_page_takes_no_key_in_its_url(
    life: Life,
    route: Callable[[func.HttpRequest], func.HttpResponse],
    name: str,
    headers: dict[str, str],
) -> None:
    run = life.live()
    sweep(life.world, dry_run=False)
    asked = {"route_params": {"id": run.name}, "params": {name: "k"}, "headers": headers}

    response = _ask(route, "runs/x/report", **asked)

    assert response.status_code == 401
    assert "x-functions-key" in _body(response)["error"]


def test_the_last_sweep_is_a_page_and_json(life: Life) -> None:
    assert "droptune sweep --dry-run" in _body(_ask(web.sweep, "sweep"))["error"]
    run = served(life)
    pass_hours(life, run, 2)
    done = sweep(life.world, dry_run=False)
    assert done.taken

    page = _ask(web.sweep, "sweep")
    told = _body(_ask(web.sweep, "sweep", params={"format": "json"}))

    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert (run.endpoint or "?").encode() in page.get_body()
    assert b"1 went" in page.get_body()
    assert told == json.loads(done.to_json())


def test_a_sweep_that_took_nothing_is_the_last_one_too(life: Life) -> None:
    life.live()
    done = sweep(life.world, dry_run=False)
    assert _body(_ask(web.sweep, "sweep", params={"format": "json"})) == json.loads(done.to_json())
    assert b"1 stay" in _ask(web.sweep, "sweep").get_body()
    assert not list(life.world.ledger.names("sweep/reports/"))


def test_a_plan_is_shown_with_its_digest_and_changes_nothing(life: Life) -> None:
    run = served(life)
    pass_hours(life, run, 2)

    page = _ask(web.plan, "sweep/plan")
    told = _body(_ask(web.plan, "sweep/plan", params={"format": "json"}))

    assert f"droptune sweep --plan {told['digest']}".encode() in page.get_body()
    assert [one["action"] for one in told["verdicts"]] == ["take"]
    assert life.world.endpoints.deployments(run.endpoint or "")
    assert _ask(web.sweep, "sweep").status_code == 404  # a dry run is no sweep
    assert sweep(life.world, dry_run=False, plan_digest=told["digest"]).taken


@pytest.mark.parametrize("name", ["support-20260101000000-00000000", "", "../x"])
def test_an_unknown_run_has_no_report(life: Life, name: str) -> None:
    life.drop()

    response = _ask(web.report, "runs/x/report", route_params={"id": name})

    assert response.status_code == 404
    assert _body(response)["error"]


@pytest.mark.parametrize("name", ["support-20260101000000-00000000", "", "..", "a/b", "../x", "x" * 2000])
def test_an_unknown_run_is_404_and_says_where_to_look(life: Life, name: str) -> None:
    life.drop()

    response = _ask(web.run, "runs/x", route_params={"id": name})

    assert response.status_code == 404
    assert "GET /api/runs" in _body(response)["error"]


def test_no_answer_is_kept_guessed_at_framed_or_run(life: Life) -> None:
    name = life.drop()
    known, unknown = {"id": name}, {"id": "none"}
    answers = [
        _ask(web.health, "health"),
        _ask(web.runs, "runs"),
        _ask(web.run, "runs/x", route_params=known),
        _ask(web.run, "runs/x", route_params=unknown),
        _ask(web.report, "runs/x/report", route_params=known),
        _ask(web.report, "runs/x/report", route_params=known, params={"format": "json"}),
        _ask(web.report, "runs/x/report", route_params=known, params={"code": "k"}),
        _ask(web.report, "runs/x/report", route_params=unknown),
        _ask(web.sweep, "sweep"),
        _ask(web.plan, "sweep/plan"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 200, 200, 401, 404, 404, 200]
    assert [answer.mimetype for answer in answers].count("text/html") == 2
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none';")
        assert {"frame-ancestors 'none'", "sandbox"} <= set(policy.split("; "))
        assert "script-src" not in policy


def test_a_recipe_is_woken_and_what_serves_is_answered_as_it_is(life: Life) -> None:
    refused = _ask(web.wake, "recipes/support/wake", route_params={"recipe": "support"})
    assert (refused.status_code, _body(refused)["code"]) == (409, "nothing-retired")
    run = life.live()
    woken = _ask(web.wake, "recipes/support/wake", route_params={"recipe": "support"})
    assert (woken.status_code, _body(woken)["run"]) == (202, run.name)


ALWAYS = "approval: always\nserving: {rollout: [100]}\n"


def _post(
    route: Callable[[func.HttpRequest], func.HttpResponse], run: str, body: bytes = b"", **headers: str
) -> func.HttpResponse:
    url = f"https://app.example/api/runs/{run}/x"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return route(func.HttpRequest("POST", url, body=body, route_params={"id": run}, headers=named))


def test_a_waiting_run_is_approved_with_who_why_and_what_they_saw(life: Life) -> None:
    life.storage.recipes.put("support", ALWAYS)
    name = life.drop()
    report = _ask(web.report, "runs/x/report", route_params={"id": name}, params={"format": "json"})
    seen = hashlib.sha256(report.get_body()).hexdigest()[:16]

    response = _post(web.approve, name, b'{"reason": "looks right"}')

    assert (response.status_code, _body(response)["run"]) == (202, name)
    run = life.until(name, "training")
    told = next(change for change in run.history if change.by == "HTTP")
    assert (told.reason, told.figures) == ("approved by HTTP: looks right", {"report": seen})


@pytest.mark.parametrize(
    ("body", "headers", "by"),
    [
        (b'{"by": "Ann"}', {}, "Ann (HTTP, as they say)"),
        (b'{"by": " Ann\\n of\\tAcme "}', {}, "Ann of Acme (HTTP, as they say)"),
        (
            b'{"by": "Ann"}',
            {"X_MS_CLIENT_PRINCIPAL_NAME": "otto@acme.example"},
            "otto@acme.example (HTTP, by the platform's header)",
        ),
        (b'{"by": ""}', {"X_MS_CLIENT_PRINCIPAL_NAME": " "}, "HTTP"),
    ],
)
def test_who_decides_is_kept_as_it_was_said(
    life: Life, body: bytes, headers: dict[str, str], by: str
) -> None:
    life.storage.recipes.put("support", ALWAYS)
    name = life.drop()

    assert _post(web.approve, name, body, **headers).status_code == 202

    run = life.until(name, "training")
    assert run.approved_by == by
    assert f"approved by {by}" in [change.reason for change in run.history]


def test_a_waiting_run_is_rejected(life: Life) -> None:
    life.storage.recipes.put("support", ALWAYS)
    name = life.drop()

    assert _post(web.reject, name, b'{"reason": "wrong file"}').status_code == 202

    run = life.until(name, "cancelled")
    assert run.reason == "rejected by HTTP: wrong file"
    assert set(run.history[-1].figures) == {"report"}


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"reason": 1}', b'{"reason": "' + b"x" * 1001 + b'"}', b"\xff", b'{"by": ["a"]}']
)
def test_a_wrong_reason_changes_nothing(life: Life, body: bytes) -> None:
    life.storage.recipes.put("support", ALWAYS)
    name = life.drop()

    assert _post(web.approve, name, body).status_code == 400

    assert life.run(name).wishes == ()


def test_what_does_not_wait_cannot_be_approved(life: Life) -> None:
    name = life.drop()

    refused, unknown = _post(web.approve, name), _post(web.reject, "none")

    assert (refused.status_code, _body(refused)["code"]) == (409, "run-not-waiting")
    assert (unknown.status_code, _body(unknown)["code"]) == (404, "run-missing")


def test_a_document_that_cannot_be_read_is_said_and_not_answered_without_a_word(life: Life) -> None:
    name = life.drop()
    life.world.ledger.put(f"r/{name}.json", b'{"version": 99}')
    for route in (web.run, web.report):
        answer = _ask(route, "runs/x", route_params={"id": name})
        assert (answer.status_code, _body(answer)["code"]) == (500, "ledger-newer")
        assert "azd deploy" in _body(answer)["error"]
    assert _post(web.approve, name).status_code == 500


def test_what_does_not_answer_just_now_is_said_as_such(life: Life) -> None:
    name = life.drop()
    for route, call in (
        (web.runs, "documents.names"),
        (web.run, "documents.read"),
        (web.plan, "endpoints.all"),
    ):
        fake = life.azureml if call.startswith("endpoints") else life.storage
        fake.fail_next(call, Transient("away", "It is away."))
        answer = _ask(route, "x", route_params={"id": name})
        assert (answer.status_code, _body(answer)["code"]) == (503, "away"), call


@pytest.mark.usefixtures("life")
def test_a_report_of_no_run_names_the_run_and_not_a_blob() -> None:
    told = _body(_ask(web.report, "runs/x/report", route_params={"id": "none"}))
    assert told["error"].startswith("There is no run 'none'.")
