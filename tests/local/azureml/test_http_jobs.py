"""Jobs over plain HTTP: what the service checks, runs, refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.local.azureml.flow import details, submit, wait_for
from tests.local.azureml.rig import WS

if TYPE_CHECKING:
    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator


def test_a_job_trains_and_leaves_its_model_in_the_bound_output(emulator: Emulator, storage: Storage) -> None:
    submit(emulator, "trains", {"learning_rate": "5e-06"})
    wait_for(emulator, "trains", "Completed")
    job = emulator.arm("GET", "/jobs/trains").json()["properties"]
    assert job["outputs"]["trained_model"]["uri"].endswith("/paths/azureml/trains/trained_model/")
    assert "azureml/trains/trained_model/MLmodel" in storage.names("azureml-blobstore", "azureml/trains/")
    assert job["properties"]["__azureml_ft_training_tokens"] == "10"
    children = emulator.http("GET", f"/history/v1.0{WS}/runs/trains/children").json()["value"]
    assert [(child["displayName"], child["status"]) for child in children] == [
        ("ft_nlp_common_validation", "Completed"),
        ("chat_completion_model_import", "Completed"),
        ("chat_completion_datapreprocess", "Completed"),
        ("chat_completion_finetune", "Completed"),
        ("ft_nlp_model_converter", "Completed"),
    ]
    log = emulator.http("GET", details(children[3]["runId"])).json()["logFiles"]["user_logs/std_log.txt"]
    assert "training on 12 rows" in emulator.client().get(log).text
