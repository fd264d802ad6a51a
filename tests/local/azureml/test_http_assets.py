"""Versioned assets over plain HTTP: every kind, archived containers, pages, uploads of code."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.azureml.flow import path

if TYPE_CHECKING:
    import httpx

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

BODIES: dict[str, dict[str, Any]] = {
    "data": {"dataUri": path("chats/train.jsonl"), "dataType": "uri_file"},
    "environments": {"image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"},
    "components": {"componentSpec": {"name": "c", "type": "command", "command": "echo"}},
    "codes": {"codeUri": "https://127.0.0.1:1/devstoreaccount1/code-1/src"},
}
OTHER: dict[str, dict[str, Any]] = {
    "data": {"dataUri": path("chats/test.jsonl")},
    "environments": {"image": "another"},
    "components": {"componentSpec": {"name": "d"}},
    "codes": {"codeUri": "https://127.0.0.1:1/devstoreaccount1/code-2/src"},
}


def put(emulator: Emulator, folder: str, name: str, version: str = "1", **more: Any) -> httpx.Response:
    body = {"properties": {**BODIES[folder], **more}}
    return emulator.arm("PUT", f"/{folder}/{name}/versions/{version}", json=body)


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["value"]]


@pytest.mark.parametrize("folder", BODIES)
def test_a_version_is_made_shown_kept_as_it_is_and_deleted(emulator: Emulator, folder: str) -> None:
    name = f"v-{uuid.uuid4().hex}"
    made = put(emulator, folder, name, tags={"a": "1"})
    assert made.status_code == 201, made.text
    assert made.json()["id"].endswith(f"/{folder}/{name}/versions/1")
    assert put(emulator, folder, name, tags={"a": "2"}).status_code == 200
    assert emulator.arm("GET", f"/{folder}/{name}/versions/1").json()["properties"]["tags"] == {"a": "2"}
    changed = put(emulator, folder, name, **OTHER[folder])
    assert changed.status_code == 400
    assert "already exists" in changed.json()["error"]["message"]
    assert emulator.arm("DELETE", f"/{folder}/{name}/versions/1").status_code == 200
    assert emulator.arm("GET", f"/{folder}/{name}/versions/1").status_code == 404


def test_an_archived_container_hides_its_versions_and_those_to_come(emulator: Emulator) -> None:
    name = f"c-{uuid.uuid4().hex}"
    put(emulator, "environments", name)
    body = {"properties": {"isArchived": True, "description": "d"}}
    assert emulator.arm("PUT", f"/environments/{name}", json=body).status_code == 200
    put(emulator, "environments", name, "2")
    assert names(emulator.arm("GET", f"/environments/{name}/versions")) == []
    assert names(emulator.arm("GET", f"/environments/{name}/versions?listViewType=ArchivedOnly")) == [
        "2",
        "1",
    ]
    assert name not in names(emulator.arm("GET", "/environments"))
    assert name in names(emulator.arm("GET", "/environments?listViewType=ArchivedOnly"))
    emulator.arm("PUT", f"/environments/{name}", json={"properties": {"isArchived": False}})
    assert name in names(emulator.arm("GET", "/environments"))
    assert emulator.arm("GET", f"/environments/{name}").json()["properties"]["nextVersion"] == "3"


def test_lists_come_in_pages_that_neither_double_nor_hide(emulator: Emulator) -> None:
    name = f"p-{uuid.uuid4().hex}"
    for version in range(1, 121):
        put(emulator, "environments", name, str(version))
    first = emulator.arm("GET", f"/environments/{name}/versions").json()
    put(emulator, "environments", name, "121")  # newest first: it must push nothing over to the next page
    second = emulator.http("GET", first["nextLink"]).json()
    found = [one["name"] for one in first["value"] + second["value"]]
    assert found == [str(version) for version in range(120, 0, -1)]
    assert "nextLink" not in second
    assert names(emulator.arm("GET", f"/environments/{name}/versions?$top=1")) == ["121"]


def test_anonymous_assets_are_not_listed(emulator: Emulator) -> None:
    name = f"a-{uuid.uuid4().hex}"
    put(emulator, "components", name, isAnonymous=True)
    assert name not in names(emulator.arm("GET", "/components"))
    assert emulator.arm("GET", f"/components/{name}/versions/1").status_code == 200


def test_code_is_uploaded_by_a_link_that_needs_no_token(emulator: Emulator, storage: Storage) -> None:
    name = str(uuid.uuid4())
    started = emulator.arm(
        "POST",
        f"/codes/{name}/versions/1/startPendingUpload",
        json={"pendingUploadType": "TemporaryBlobReference"},
    )
    reference = started.json()["blobReferenceForConsumption"]
    where, _, signed = reference["credential"]["sasUri"].partition("?")
    url = f"{where}/src/train.py?{signed}"
    client = emulator.client()
    put_blob = client.put(url, content=b"print(1)", headers={"x-ms-blob-type": "BlockBlob"})
    assert put_blob.status_code == 201, put_blob.text
    container = reference["blobUri"].rpartition("/")[2]
    assert storage.names(container, "") == ["src/train.py"]
    tampered = client.get(url.replace("sp=racwl", "sp=racwdl"))
    assert tampered.status_code == 403


def test_code_is_found_again_by_its_hash(emulator: Emulator) -> None:
    name = str(uuid.uuid4())
    put(emulator, "codes", name, properties={"hash_sha256": "abc", "hash_version": "202208"})
    assert names(emulator.arm("GET", f"/codes/{name}/versions?hash=abc&hashVersion=202208")) == ["1"]
    assert names(emulator.arm("GET", f"/codes/{name}/versions?hash=other&hashVersion=202208")) == []


def test_curated_environments_are_names(emulator: Emulator) -> None:
    found = emulator.arm("GET", "/environments/AzureML-sklearn-1.5/versions?$top=1").json()["value"]
    assert [one["name"] for one in found] == ["1"]
    assert emulator.arm("GET", "/environments/AzureML-sklearn-1.5/versions/22").status_code == 200
    assert emulator.arm("GET", "/environments/sklearn/versions/1").status_code == 404
    assert "AzureML-sklearn-1.5" not in names(emulator.arm("GET", "/environments"))


def test_a_datastore_of_ones_own_is_a_container_of_the_same_account(
    emulator: Emulator, storage: Storage
) -> None:
    def store(**more: Any) -> httpx.Response:
        body = {"datastoreType": "AzureBlob", "accountName": "devstoreaccount1", "containerName": "mine"}
        return emulator.arm("PUT", "/datastores/mine", json={"properties": {**body, **more}})

    assert store().status_code == 201
    assert storage.service.get_container_client("mine").exists()
    assert "mine" in names(emulator.arm("GET", "/datastores"))
    uri = "azureml://datastores/mine/paths/a.txt"
    assert put(emulator, "data", f"d-{uuid.uuid4().hex}", dataUri=uri).status_code == 201
    for more, said in (
        ({"datastoreType": "AzureFile"}, "type AzureFile"),
        ({"accountName": "other"}, "account other"),
        ({"credentials": {"credentialsType": "AccountKey"}}, "with credentials"),
    ):
        answer = store(**more)
        assert (answer.status_code, said in answer.text) == (501, True)
    body = {"properties": {"datastoreType": "AzureBlob"}}
    assert emulator.arm("PUT", "/datastores/workspaceblobstore", json=body).status_code == 400
    assert emulator.arm("DELETE", "/datastores/mine").status_code == 200
    assert "mine" not in names(emulator.arm("GET", "/datastores"))


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("GET", "/schedules", "schedules"),
        ("PUT", "/schedules/daily", "schedules"),
        ("GET", "/batchEndpoints/b/deployments", "batch endpoints"),
        ("POST", "/computes/gpu/stop", "start, stop, restart"),
        ("DELETE", "", "deletion of the workspace"),
        ("GET", "/connections", "workspace connections"),
        ("GET", "/somethingNew", "route GET"),
    ],
)
def test_what_is_not_there_is_named(emulator: Emulator, method: str, path: str, what: str) -> None:
    answer = emulator.arm(method, path)
    assert answer.status_code == 501
    assert f"has no {what}" in answer.json()["error"]["message"]


def test_the_workspaces_tags_change(emulator: Emulator) -> None:
    sent = {"tags": {"team": "a"}, "properties": {"description": "mine"}}
    assert emulator.arm("PATCH", "", json=sent).status_code == 200
    shown = emulator.arm("GET", "").json()
    assert (shown["tags"], shown["properties"]["description"]) == ({"team": "a"}, "mine")
    refused = emulator.arm("PATCH", "", json={"properties": {"imageBuildCompute": "x"}})
    assert (refused.status_code, "imageBuildCompute" in refused.text) == (501, True)
