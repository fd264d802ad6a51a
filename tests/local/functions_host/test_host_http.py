"""What is called over HTTP: routes, keys, and the two webhooks."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from local.functions_host import keys
from tests.functions.samples import sample
from tests.local.azureml.rig import ROOT, until
from tests.local.functions_host.rig import NEVER, TOY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.functions_host.rig import Host, Storage


def event(number: str, **data: Any) -> dict[str, Any]:
    return sample("run_completed") | {"id": number, "data": data}


def blob_event(storage: Storage, name: str, **more: Any) -> dict[str, Any]:
    url = storage.blobs.get_blob_client("toys", name).url
    body = sample("blob_created")
    subject = f"/blobServices/default/containers/toys/blobs/{name}"
    return body | {"subject": subject, "data": body["data"] | {"url": url}} | more


def put(storage: Storage, name: str, **wish: Any) -> None:
    container = storage.blobs.get_container_client("toys")
    if not container.exists():
        container.create_container()
    container.upload_blob(name, json.dumps(wish).encode(), overwrite=True)


def test_an_anonymous_route_gets_the_whole_request(host: Host) -> None:
    answer = host.get("api/open?a=1&b=two", headers={"X-Mixed-Case": "kept"})

    told = answer.json()
    assert (answer.status_code, answer.headers["x-toy"]) == (200, "yes")
    assert answer.headers["content-type"].startswith("application/json")
    assert (told["method"], told["params"], told["body"]) == ("GET", {"a": "1", "b": "two"}, "")
    assert told["headers"]["x-mixed-case"] == "kept"


def test_a_function_route_wants_a_key_and_gives_its_parameters(host: Host) -> None:
    key = host.keys()["default"]

    assert host.get("api/things/7").status_code == 401
    assert host.get("api/things/7?code=wrong").status_code == 401
    assert host.get("api/things/7", headers={"x-functions-key": "w\u00f6".encode()}).status_code == 401
    assert host.get(f"api/things/7?code={key}").status_code == 203
    assert host.get("api/things/7", headers={"x-functions-key": key}).json() == {"id": "7"}
    assert host.get(f"api/things/7?code={host.keys()['master']}").status_code == 203


def test_the_header_comes_before_the_query(host: Host) -> None:
    key = host.keys()["default"]

    assert host.get(f"api/things/7?code={key}", headers={"x-functions-key": "wrong"}).status_code == 401
    assert host.get("api/things/7?code=wrong", headers={"x-functions-key": key}).status_code == 203


def test_a_webhooks_key_opens_no_function_and_a_functions_no_webhook(host: Host) -> None:
    made = host.keys()

    assert host.get(f"api/things/7?code={made['systemKeys']['blobs_extension']}").status_code == 401
    for key in (made["default"], made["systemKeys"]["blobs_extension"], "", "wrong"):
        assert host.post("EventGrid", "told", [event("1")], key=key).status_code == 401
    assert host.post("EventGrid", "told", [], key=made["master"]).status_code == 202


def test_an_admin_route_takes_the_master_key_alone_and_text_is_an_answer(host: Host) -> None:
    made = host.keys()

    assert host.get(f"api/admins?code={made['default']}").status_code == 401
    assert host.get(f"api/admins?code={made['master']}").text == "plain"


@pytest.mark.parametrize("path", ["api/broken", "api/broken?why=not"])
def test_an_exception_and_a_wrong_return_are_500_and_tell_nothing(host: Host, path: str) -> None:
    answer = host.get(path)

    assert (answer.status_code, answer.content) == (500, b"")


def test_an_unknown_route_is_404(host: Host) -> None:
    assert host.get("api/none").status_code == 404
    assert host.get("open").status_code == 404


def test_a_handshake_is_answered_with_its_code(host: Host) -> None:
    body = [sample("subscription_validation")]

    for extension, function in (("EventGrid", "told"), ("blobs", "Host.Functions.seen")):
        answer = host.post(extension, function, body, kind="SubscriptionValidation")
        assert answer.status_code == 200
        assert answer.json() == {"validationResponse": body[0]["data"]["validationCode"]}


@pytest.mark.parametrize(
    ("extension", "function"),
    [("EventGrid", "none"), ("EventGrid", "seen"), ("blobs", "Host.Functions.none"), ("blobs", "told")],
)
def test_a_webhook_knows_only_its_own_functions(host: Host, extension: str, function: str) -> None:
    assert host.post(extension, function, [event("1")]).status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b"7", b'["text"]', b"\xff"])
@pytest.mark.parametrize("kind", ["Notification", "SubscriptionValidation"])
def test_garbage_is_400_so_that_nobody_sends_it_again(host: Host, kind: str, body: bytes) -> None:
    assert host.post("EventGrid", "told", body, kind=kind).status_code == 400
    assert host.post("blobs", "Host.Functions.seen", body, kind=kind).status_code == 400


def test_only_event_grids_own_kinds_are_taken(host: Host) -> None:
    before = len(host.calls("told"))

    assert host.post("EventGrid", "told", [event("1")], kind="Other").status_code == 400
    assert host.post("EventGrid", "told", [event("1")], kind="Unsubscribe").status_code == 202
    assert len(host.calls("told")) == before


def test_each_event_is_one_call_in_parallel_and_one_failure_is_500(host: Host) -> None:
    good = host.post("EventGrid", "told", [event("a", n=1), event("b", n=2)])
    bad = host.post("EventGrid", "told", [event("c"), event("d", fail=True), event("e")])

    assert (good.status_code, bad.status_code) == (202, 500)
    told = {call["id"]: call for call in host.calls("told")}
    assert told["a"]["data"] == {"n": 1}
    assert told["a"]["topic"] == sample("run_completed")["topic"]
    assert {"b", "c", "d", "e"} <= set(told)


def test_a_blobs_event_reaches_the_function_through_the_queue(host: Host, storage: Storage) -> None:
    put(storage, "support/a b%20c\u00e9.jsonl")

    answer = host.post("blobs", "Host.Functions.seen", [blob_event(storage, "support/a b%20c\u00e9.jsonl")])

    assert answer.status_code == 202
    until(lambda: host.calls("seen"), 20, "the call")
    (call,) = [call for call in host.calls("seen") if call["name"].startswith("support/")]
    assert (call["container"], call["name"]) == ("toys", "support/a b%20c\u00e9.jsonl")


def test_a_blobs_failure_ends_in_the_triggers_poison_queue(host: Host, storage: Storage) -> None:
    put(storage, "failing", fail=True)
    host.post("blobs", "Host.Functions.seen", [blob_event(storage, "failing")])

    def poisoned() -> list[str]:
        return [json.loads(body)["BlobName"] for body in storage.peek("webjobs-blobtrigger-poison")]

    until(lambda: "failing" in poisoned(), 30, "the message in poison")
    assert len([call for call in host.calls("seen") if call["name"] == "failing"]) == 3


def test_a_vanished_blob_counts_as_done(host: Host, storage: Storage) -> None:
    put(storage, "here")
    host.post("blobs", "Host.Functions.seen", [blob_event(storage, "vanished")])
    host.post("blobs", "Host.Functions.seen", [blob_event(storage, "here")])

    until(lambda: "the blob is gone" in host.log(), 20, "the look")
    until(lambda: storage.count("azure-webjobs-blobtrigger-seen") == 0, 20, "the queue is empty")
    assert "vanished" not in [call["name"] for call in host.calls("seen")]
    assert "vanished" not in "".join(storage.peek("webjobs-blobtrigger-poison"))


def test_another_event_about_a_blob_is_taken_and_ignored(host: Host, storage: Storage) -> None:
    put(storage, "deleted")
    gone = blob_event(storage, "deleted", eventType="Microsoft.Storage.BlobDeleted")

    assert host.post("blobs", "Host.Functions.seen", [gone]).status_code == 202
    assert host.post("blobs", "Host.Functions.seen", [{"eventType": "x"}]).status_code == 202
    put(storage, "after")
    host.post("blobs", "Host.Functions.seen", [blob_event(storage, "after")])
    until(lambda: "after" in [call["name"] for call in host.calls("seen")], 20, "the later event's call")
    assert "deleted" not in [call["name"] for call in host.calls("seen")]


def test_keys_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    first = keys.load(tmp_path / "deep" / "keys.json")

    assert keys.load(tmp_path / "deep" / "keys.json") == first
    assert stat.S_IMODE((tmp_path / "deep" / "keys.json").stat().st_mode) == 0o600
    assert len({first.master, first.default, *first.system.values()}) == 4


def test_no_key_is_logged(host: Host) -> None:
    host.post("EventGrid", "told", [event("f", fail=True)])
    host.get(f"api/broken?code={host.keys()['master']}")

    made = host.keys()
    for key in (made["master"], made["default"], *made["systemKeys"].values()):
        assert key not in host.log()


def test_a_port_that_is_taken_stops_the_host(host: Host, storage: Storage, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.functions_host", "--port", host.url.rpartition(":")[2]]
    command += ["--app-dir", str(TOY), "--keys", str(tmp_path / "keys.json")]
    environment = {"PATH": "/usr/bin:/bin", "TOY_FOLDER": str(tmp_path), "TOY_QUEUE": "taken-port"}
    environment |= {"TOY_SCHEDULE": NEVER, **storage.environment}

    out = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )

    assert out.returncode == 1
    assert out.stdout == ""
    assert "is taken" in out.stderr
    assert "Traceback" not in out.stderr
