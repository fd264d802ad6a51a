"""The relay over a real Azurite: each version of a blob is told once, restarts or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from azure.storage.blob import BlobClient  # noqa: TID251 - it reads an event's URL as the host does

from local.eventgrid.relay import BlobWatch
from tests.local.azureml.rig import ROOT, until
from tests.local.functions_host.rig import running_storage
from tests.local.webhooks import KEY, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azure.storage.blob import ContainerClient  # noqa: TID251 - what the watch reads

    from tests.local.functions_host.rig import Storage

TOPIC = "/subscriptions/s/storageAccounts/a"


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with running_storage(tmp_path_factory.mktemp("relay")) as found:
        yield found


@pytest.fixture
def container(storage: Storage, request: pytest.FixtureRequest) -> ContainerClient:
    """A container for each test."""
    name = f"c{abs(hash(request.node.name))}-{os.getpid()}"
    return storage.blobs.create_container(name)


def names(events: Any) -> list[str]:
    return [event["subject"].partition("/blobs/")[2] for event in events]


def test_each_version_is_told_once(container: ContainerClient, tmp_path: Path) -> None:
    watch = BlobWatch(container, tmp_path / "state.json")
    container.upload_blob("support/a.jsonl", b"1")
    assert names(watch.new_events()) == ["support/a.jsonl"]
    assert names(watch.new_events()) == []

    container.upload_blob("support/a.jsonl", b"2", overwrite=True)
    container.upload_blob("support/b.jsonl", b"1")
    assert names(watch.new_events()) == ["support/a.jsonl", "support/b.jsonl"]
    assert names(watch.new_events()) == []


def test_a_blob_made_anew_after_its_deletion_is_told(container: ContainerClient, tmp_path: Path) -> None:
    watch = BlobWatch(container, tmp_path / "state.json")
    container.upload_blob("a", b"1")
    assert names(watch.new_events()) == ["a"]
    container.delete_blob("a")
    assert names(watch.new_events()) == []

    container.upload_blob("a", b"1")
    assert names(watch.new_events()) == ["a"]


def test_what_was_told_survives_a_restart(container: ContainerClient, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    container.upload_blob("a", b"1")
    assert names(BlobWatch(container, state).new_events()) == ["a"]
    container.upload_blob("b", b"1")

    assert names(BlobWatch(container, state).new_events()) == ["b"]


def test_what_was_being_told_in_a_crash_is_told_again(container: ContainerClient, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    container.upload_blob("a", b"1")
    container.upload_blob("b", b"1")
    taking = BlobWatch(container, state).new_events()
    assert names([next(taking)]) == ["a"]

    assert names(BlobWatch(container, state).new_events()) == ["a", "b"]


@pytest.mark.parametrize("name", ["support/a.jsonl", "support/a b%20c#?\u00e9.jsonl"])
def test_an_event_has_the_documented_shape(container: ContainerClient, name: str) -> None:
    container.upload_blob(name, b"12345")

    (event,) = BlobWatch(container, None).new_events()

    assert event["eventType"] == "Microsoft.Storage.BlobCreated"
    assert event["subject"] == f"/blobServices/default/containers/{container.container_name}/blobs/{name}"
    data = event["data"]
    assert (data["api"], data["contentLength"], data["blobType"]) == ("PutBlob", 5, "BlockBlob")
    etag = container.get_blob_client(name).get_blob_properties().etag
    assert data["eTag"] == etag.strip(chr(34))  # Azure sends both ways, a listing gives it bare
    told = BlobClient.from_blob_url(data["url"])
    assert (told.container_name, told.blob_name) == (container.container_name, name)
    json.dumps(event)


class Relay:
    """`python -m local.eventgrid` as a child process."""

    def __init__(self, storage: Storage, container: str, folder: Path, webhook: str) -> None:
        self._command = [sys.executable, "-m", "local.eventgrid", "--container", container]
        self._command += ["--blob-url", storage.environment["TOY__blobServiceUri"], "--topic-id", TOPIC]
        self._command += ["--subscribe", f"hook={webhook}", "--state", str(folder / "state.json")]
        self._environment = {"PATH": "/usr/bin:/bin", **storage.environment}
        self.log = folder / "relay.log"

    def __enter__(self) -> httpx.Client:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT, env=self._environment
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        self.admin = httpx.Client(base_url=json.loads(line)["url"], trust_env=False)
        return self.admin

    def __exit__(self, *_error: object) -> None:
        self.admin.close()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, self.log.read_text()
        assert self.process.stdout
        self.process.stdout.close()


def test_the_program_tells_what_is_new_and_goes_on_after_a_restart(
    storage: Storage, container: ContainerClient, tmp_path: Path
) -> None:
    container.upload_blob("before", b"1")
    with Webhook() as webhook:
        relay = Relay(storage, container.container_name, tmp_path, webhook.url)
        with relay:
            until(lambda: names(webhook.events) == ["before"], 20, "the first blob")
            container.upload_blob("while", b"1")
            until(lambda: names(webhook.events) == ["before", "while"], 20, "the second blob")
        container.upload_blob("after", b"1")
        with relay:
            until(lambda: len(webhook.events) >= 3, 20, "the third blob")

    assert names(webhook.events) == ["before", "while", "after"]
    assert {event["topic"] for event in webhook.events} == {TOPIC}
    assert KEY not in relay.log.read_text()


def test_the_program_loses_events_when_it_is_told_to(
    storage: Storage, container: ContainerClient, tmp_path: Path
) -> None:
    with Webhook() as webhook, Relay(storage, container.container_name, tmp_path, webhook.url) as admin:
        until(lambda: webhook.handshakes, 20, "the handshake")
        admin.post("/admin/faults", json={"lose": 1})
        container.upload_blob("lost", b"1")
        until(lambda: names(admin.get("/admin/events").json()["published"]) == ["lost"], 20, "the look")
        admin.post("/admin/faults", json={"double": 1})
        container.upload_blob("doubled", b"1")
        until(lambda: len(webhook.events) == 2, 20, "both copies")

    assert names(webhook.events) == ["doubled", "doubled"]


def test_the_program_waits_for_a_container_that_is_not_there_yet(storage: Storage, tmp_path: Path) -> None:
    name = f"later-{os.getpid()}"
    with Webhook() as webhook:
        relay = Relay(storage, name, tmp_path, webhook.url)
        with relay:
            until(lambda: "not to be read just now" in relay.log.read_text(), 20, "a look in vain")
            made = storage.blobs.create_container(name)
            made.upload_blob("a", b"1")
            until(lambda: names(webhook.events) == ["a"], 20, "the blob")
