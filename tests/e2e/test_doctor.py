"""The doctor on a whole stack: green when it is sound; each thing broken in turn is named with its mend."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local.layout import NAME
from shared.domain import needed_roles

if TYPE_CHECKING:
    from tests.e2e.rig import Rig

WRITER = needed_roles.BLOB_WRITER
MONITORING = needed_roles.MONITORING
# A dozen calls of the command line and two stacks: long on a machine that is busy with other tests.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("doctor"), pytest.mark.timeout(900)]


def examined(rig: Rig, exit_code: int = 1) -> dict[str, Any]:
    found = rig.droptune("doctor", good=(exit_code,))
    assert found["sound"] is (exit_code == 0)
    return {point["check"]: point for point in found["points"] if point["state"] != "unknown"}


@pytest.fixture
def well(own_rig: Rig) -> Rig:
    """A stack whose recipes can all be trained: the one about a compute that is not there is taken away."""
    storage(own_rig, "blobs.get_container_client('recipes').delete_blob('odd.yaml')")
    return own_rig


def storage(rig: Rig, deed: str) -> None:
    """Do something to storage, as an owner would."""
    code = (
        "import os; from azure.identity import DefaultAzureCredential as C;"
        "from azure.storage.blob import BlobServiceClient as B;"
        "from azure.storage.queue import QueueServiceClient as Q;"
        "blobs = B(os.environ['DROPTUNE_STORAGE__blobServiceUri'], credential=C());"
        "queues = Q(os.environ['DROPTUNE_STORAGE__queueServiceUri'], credential=C());"
    )
    rig.python(code + deed)


def test_sound_and_each_thing_broken_in_turn(well: Rig) -> None:
    rig, stack = well, well.stack
    assert [point for point in examined(rig, 0).values() if point["state"] != "ok"] == []

    declared = stack.home / "neighbours.json"
    sound = declared.read_text()
    (name,) = [key for key in json.loads(sound) if key.endswith("/dataset-uploaded")]
    for change, check, said, mend in (
        (
            ("containers/datasets/", "containers/datasets"),
            "subscription dataset-uploaded",
            "subject",
            "postdeploy",
        ),
        (("dead-letters", "nowhere"), "subscription dataset-uploaded", "dead-letters", "postdeploy"),
        (
            ("/eventSubscriptions/job-finished", "/eventSubscriptions/x"),
            "subscription job-finished",
            "",
            "postdeploy",
        ),
        (("blobs_extension", "other"), "function keys", "blobs_extension", "azd deploy"),
        (("func-local/advance_run", "func-local/x"), "functions", "advance_run", "azd deploy"),
        (("Running", "Stopped"), "function app", "Stopped", "az functionapp start"),
        ((MONITORING, WRITER), f"role on {NAME}", "Monitoring Reader", "az role assignment create"),
        (("containers/runs", "containers/x"), "role on runs", "Contributor", "az role assignment create"),
    ):
        declared.write_text(sound.replace(*change))
        point = examined(rig)[check]
        assert point["state"] == "broken", change
        assert said in point["said"]
        assert mend in point["help"]
    assert name in sound
    declared.write_text(sound)

    storage(rig, "blobs.delete_container('prepared'); queues.delete_queue('run-steps')")
    found = examined(rig)
    assert "az storage container create" in found["container prepared"]["help"]
    assert "az storage queue create" in found["queue run-steps"]["help"]
    storage(rig, "blobs.create_container('prepared')")

    storage(
        rig, "blobs.get_container_client('recipes').upload_blob('lost.yaml', b'compute: {name: nowhere}')"
    )
    assert "az ml compute create" in examined(rig)["recipe lost"]["help"]


def test_what_failed_what_disagrees_and_what_azure_ml_lacks(own_rig: Rig) -> None:
    rig = own_rig
    broken = {check: point for check, point in examined(rig).items() if point["state"] == "broken"}
    assert list(broken) == ["recipe odd"]  # a compute that is not there, a size that is retired

    storage(rig, "queues.create_queue('run-steps-poison').send_message('x')")
    point = examined(rig)["queue run-steps-poison"]
    assert "1 messages that failed" in point["said"]
    assert "droptune requeue --all" in point["help"]

    storage(rig, "blobs.get_container_client('runs').upload_blob('installation', b'other', overwrite=True)")
    point = examined(rig)["installation"]
    assert "the ledger other" in point["said"]
    assert "DROPTUNE_INSTALLATION" in point["help"]

    storage(rig, "blobs.get_container_client('recipes').upload_blob('wrong.yaml', b'cost: {idle_hour: 3}')")
    assert "idle_hours" in examined(rig)["recipe wrong"]["said"]

    given_up = {"at": "2026-11-24T12:00:00Z", "event": "r/1", "title": "t", "channels": {"CHAT": "away"}}
    storage(
        rig,
        "blobs.get_container_client('runs').upload_blob('notices/undelivered/0-x',"
        f" {json.dumps(given_up)!r})",
    )
    assert "CHAT" in examined(rig)["notices"]["help"]

    storage(
        rig,
        "[blobs.get_container_client('recipes').delete_blob(one.name) for one in"
        " blobs.get_container_client('recipes').list_blobs()]",
    )
    assert "az storage blob upload" in examined(rig)["recipes"]["help"]


@pytest.mark.parametrize(
    ("key", "value", "check", "said"),
    [
        ("DROPTUNE_INSTALLATION", "", "settings", "DROPTUNE_INSTALLATION"),
        ("AZUREML_WORKSPACE_NAME", "elsewhere", "workspace", "workspaces/elsewhere"),
        ("AZUREML_DATASTORE", "nowhere", "datastore", "nowhere"),
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:9/msi/token", "identity", "token"),
    ],
)
def test_a_wrong_setting_is_named(rig: Rig, key: str, value: str, check: str, said: str) -> None:
    env = {**rig.stack.env, key: value}
    found = json.loads(rig.run("doctor", "--json", env=env).stdout)
    point = next(point for point in found["points"] if point["check"] == check)
    assert point["state"] == "broken"
    assert said in point["said"] + point["help"]
