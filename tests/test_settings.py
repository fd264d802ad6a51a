from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from shared import settings
from shared.domain.errors import Misconfigured

SOUND = {
    "DROPTUNE_STORAGE__blobServiceUri": "https://a.blob.core.windows.net",
    "DROPTUNE_STORAGE__queueServiceUri": "https://a.queue.core.windows.net",
    "AZURE_SUBSCRIPTION_ID": "s",
    "AZURE_RESOURCE_GROUP": "g",
    "AZUREML_WORKSPACE_NAME": "w",
    "DROPTUNE_INSTALLATION": "acme-prod",
}


ROOT = Path(__file__).resolve().parent.parent
EITHER = "DROPTUNE_STORAGE"  # a connection string in place of the two URLs; nothing of ours sets it


def fault(**changes: str) -> str:
    with pytest.raises(Misconfigured) as caught:
        settings.load({**SOUND, **changes})
    return caught.value.problem.message


def test_what_is_not_set_has_its_default() -> None:
    found = settings.load(SOUND)
    assert found.azureml.registry == "azureml"
    assert found.azureml.arm_url == "https://management.azure.com"
    assert (found.timing.poll, found.timing.claim) == (3.0, 180.0)
    assert found.azureml.workspace_id.endswith(
        "/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
    )


def test_an_empty_value_is_no_value() -> None:
    assert settings.load({**SOUND, "POLL_SECONDS": "", "AZUREML_REGISTRY_NAME": " "}).timing.poll == 3.0


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(Misconfigured) as caught:
        settings.load({})
    for key in SOUND:
        assert key in caught.value.problem.message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("POLL_SECONDS", "soon"),
        ("POLL_SECONDS", "0"),
        ("CLAIM_SECONDS", "-1"),
        ("CLAIM_SECONDS", "nan"),
        ("CLAIM_SECONDS", "inf"),
        ("ARM_URL", "management.azure.com"),
        ("DROPTUNE_STORAGE__blobServiceUri", "http://acme.blob.core.windows.net"),
        ("DROPTUNE_STORAGE__queueServiceUri", "http://acme.queue.core.windows.net"),
        ("DROPTUNE_INSTALLATION", "Acme Prod"),
        ("SWEEP_SCHEDULE", "*/15 * * * *"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(key: str, value: str) -> None:
    said = fault(**{key: value})
    assert key in said
    assert repr(value) in said
    assert "expected" in said


def test_seconds_take_fractions() -> None:
    assert settings.load({**SOUND, "POLL_SECONDS": "0.5"}).timing.poll == 0.5


def test_a_connection_string_takes_the_place_of_both_urls() -> None:
    only = {key: value for key, value in SOUND.items() if "ServiceUri" not in key}
    found = settings.load({**only, "DROPTUNE_STORAGE": "UseThis=1"})
    assert found.storage.connection_string == "UseThis=1"
    assert found.storage.blob_url is None


def test_a_fault_never_shows_a_connection_string() -> None:
    assert "AccountKey" not in fault(DROPTUNE_STORAGE="AccountKey=secret", POLL_SECONDS="x")


def test_code_docs_and_example_name_the_same_settings() -> None:
    known = settings.known()
    table = (ROOT / "docs" / "settings.md").read_text("utf-8")
    rows = re.findall(r"^\| `([A-Za-z_]+)` \| ([^|]*) \|", table, re.MULTILINE)
    meant = {
        key: None if default == "required" else default.replace("\N{EN DASH}", "") for key, default in rows
    }
    assert {key: meant.get(key, "not told") for key in known} == known
    values = json.loads((ROOT / "local.settings.example.json").read_text("utf-8"))["Values"]
    assert {key for key in values if not key.startswith(("AzureWebJobs", "FUNCTIONS_"))} == {*known} - {
        EITHER
    }
    assert {key: value for key, value in values.items() if known.get(key) is not None} == {
        key: default for key, default in known.items() if default is not None and key != EITHER
    }


def test_the_example_is_sound() -> None:
    values = json.loads((ROOT / "local.settings.example.json").read_text("utf-8"))["Values"]
    assert settings.load(values).installation == "my-laptop"


def test_ids_of_resources_are_optional_and_have_a_form() -> None:
    assert settings.load(SOUND).parts == settings.Parts("", "", "")
    assert "expected a resource's id" in fault(DROPTUNE_APP_ID="func-app")
