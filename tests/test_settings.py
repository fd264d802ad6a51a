from __future__ import annotations

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
