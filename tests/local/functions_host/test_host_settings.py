"""Settings and connections are looked up as the Functions host does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest

from local.functions_host import settings
from local.functions_host.app import Web
from local.functions_host.calls import Caller
from local.functions_host.index import Function
from local.functions_host.keys import Keys

if TYPE_CHECKING:
    from pathlib import Path


def test_a_placeholder_stands_for_a_settings_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_QUEUE", "steps")

    assert settings.resolve("%A_QUEUE%-late") == "steps-late"
    assert settings.resolve("plain") == "plain"
    with pytest.raises(settings.Unset, match="NOT_SET"):
        settings.resolve("%NOT_SET%")


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"C__queueServiceUri": "https://q.example"}, "https://q.example"),
        ({"C__accountName": "acct"}, "https://acct.queue.core.windows.net"),
        ({"C__accountName": "acct", "C__queueServiceUri": "https://q.example"}, "https://q.example"),
        ({"C": "UseDevelopmentStorage=true", "C__accountName": "acct"}, ""),
    ],
)
def test_where_a_connections_queues_are(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str
) -> None:
    for key, value in environment.items():
        monkeypatch.setenv(key, value)

    assert settings.queue_url("C") == url


def test_a_connection_without_settings_is_named() -> None:
    with pytest.raises(settings.Unset, match="NOWHERE__queueServiceUri"):
        settings.queue_url("NOWHERE")


def test_local_settings_json_never_overrides_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KEPT", "mine")
    monkeypatch.setenv("ADDED", "x")
    monkeypatch.delenv("ADDED")  # so that it is taken away again afterwards
    values = {"KEPT": "theirs", "ADDED": 5}
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": values}))

    settings.read_local_settings(tmp_path)

    assert (settings.get("KEPT"), settings.get("ADDED")) == ("mine", "5")


@pytest.mark.parametrize(
    ("value", "off"), [("true", True), ("1", True), ("True", True), ("false", False), ("", False)]
)
def test_a_function_is_switched_off_by_its_setting(
    monkeypatch: pytest.MonkeyPatch, value: str, *, off: bool
) -> None:
    monkeypatch.setenv("AzureWebJobs.f.Disabled", value)

    assert settings.disabled("f") is off


@pytest.mark.parametrize(
    ("prefix", "route", "path"),
    [
        ("api", "runs/{id:alpha}", "/api/runs/{id}"),
        ("", "runs/{id?}", "/runs/{id}"),
        ("v1/api", None, "/v1/api/f"),
    ],
)
def test_a_routes_path(prefix: str, route: str | None, path: str) -> None:
    binding: dict[str, Any] = {"name": "req", "route": route, "authLevel": "anonymous"}
    function = Function("f", print, "httpTrigger", "req", binding, func.HttpRequest, returns=True)
    web = Web([function], {}, Caller(), Keys("m", "d", {})).application(prefix)

    assert path in [getattr(found, "path", None) for found in web.routes]
