"""Every request of a run of phi-3-mini-ultrachat equals the public flow's, but for an allow list."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.domain.run import State
from tests.contract import public_flow
from tests.contract.recording import Recording, recording
from tests.contract.rigs import COMPUTE, SIZE, EmulatorRig, emulator_rig
from tests.contract.runs import Runs, chats
from tests.local.azureml.rig import NAME, SUBSCRIPTION, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.domain.run import Run

# The SDK itself and what it imports warn in many places: that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore")

RECIPE = Path(__file__).parents[2] / "recipes" / "phi-3-mini-ultrachat.yaml"
ROWS = 50


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorRig]:
    with (
        pytest.MonkeyPatch.context() as patch,
        emulator_rig(tmp_path_factory.mktemp("public"), patch) as world,
    ):
        yield world


@pytest.fixture(scope="module")
def public(rig: EmulatorRig, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recording, str]:
    """What the public flow sends, and what its model says."""
    from azure.ai.ml import MLClient  # noqa: TID251 - the public flow drives the SDK
    from azure.identity import DefaultAzureCredential  # noqa: TID251

    folder = tmp_path_factory.mktemp("ultrachat")
    for name, rows in (("train_sft", ROWS), ("test_sft", 10), ("test_gen", 1)):
        (folder / f"{name}.jsonl").write_text(chats(rows))
    place = {"subscription_id": SUBSCRIPTION, "resource_group_name": NAME, "workspace_name": NAME}
    quick: dict[str, Any] = {"enable_telemetry": False, "polling_interval": 1}
    reader = public_flow.Reader(
        workspace=MLClient(DefaultAzureCredential(), **place, **quick),
        registry=MLClient(DefaultAzureCredential(), registry_name="azureml", **quick),
        folder=folder,
        cluster=COMPUTE,
        size=SIZE,
        timestamp=str(int(time.time())),
    )
    _no_cluster(rig)
    with recording() as sent:
        answer = public_flow.run(reader)
    return sent, answer


@pytest.fixture(scope="module")
def ours(rig: EmulatorRig) -> tuple[Recording, Run, str]:
    """What a run of the bundled recipe sends; it may make its cluster, as the public flow does."""
    text = RECIPE.read_text().replace("compute:\n", "compute:\n  create: true\n")
    text += "evaluation: {general: null}\n"  # one question, as the public flow asks one
    runs = Runs(rig, "phi-3-mini-ultrachat", text)
    _no_cluster(rig)
    with recording() as sent:
        run = runs.ended(runs.drop("ultrachat.jsonl", chats(ROWS)))
        assert run.state is State.LIVE, run.problem
        answer = rig.endpoints.ask(run.endpoint or "", [{"role": "user", "content": "question 1?"}])
    return sent, run, answer


def _no_cluster(rig: EmulatorRig) -> None:
    rig.emulator.arm("DELETE", f"/computes/{COMPUTE}")
    until(lambda: rig.emulator.arm("GET", f"/computes/{COMPUTE}").status_code == 404, 30, "it is gone")


KINDS = ("compute", "job", "model", "endpoint", "deployment", "question")
INPUTS = "properties.jobs.chat_completion_pipeline.inputs"
RETIRED = "the component's own defaults are retired sizes (NCv3), and serverless compute takes these"
ALLOWED: Mapping[str, str] = {
    "tags": "what Droptune makes leads back to its run, recipe, data and base model",
    "identity": "jobs on a cluster that Droptune makes read and write by it; the public flow has keys",
    "properties.description": "free text for people",
    "properties.properties": "the public flow sends the git state of the folder it happens to run in",
    "properties.settings._source": "the SDK's word for its decorator, which mixes threads up",
    f"{INPUTS}.validation_file_path": "without it Azure ML trains on 80 % of the rows and says nothing",
    f"{INPUTS}.instance_type_model_import": RETIRED,
    f"{INPUTS}.instance_type_preprocess": RETIRED,
    f"{INPUTS}.instance_type_finetune": RETIRED,
    f"{INPUTS}.instance_type_model_evaluation": RETIRED,
    "input_data.input_string": "another chat; and the public flow puts its messages into one more list",
}


WHOLE = ("identity", "tags", "validation_file_path", "properties.properties")


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Lay a body out as a field by path; what is only a name or a place of its own is called by its part."""
    if path.endswith(".traffic"):
        return {path: sorted(value.values())}  # the deployments' names differ
    if isinstance(value, dict) and value and not path.endswith(WHOLE):
        if value.get("job_input_type") == "literal":
            return {path: _literal(value["value"])}
        inner = [flat(one, f"{path}.{key}" if path else key) for key, one in value.items()]
        return {field: one for fields in inner for field, one in fields.items()}
    return {path: _unnamed(value)}


def _literal(text: str) -> float | str:
    try:
        return float(text)  # 5e-6 and 5e-06 are one number
    except ValueError:
        return text


def _unnamed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    value = re.sub(r"azureml://datastores/.*/(train|test)(_sft)?\.jsonl", r"the \1 rows", value)
    value = re.sub(r"azureml://jobs/[^/]+/", "azureml://jobs/THE JOB/", value)
    return re.sub(r"/models/[^/]+/versions/\d{10}$", "/models/THE MODEL", value)


def differing(public: Any, ours: Any) -> set[str]:
    """Name the fields in which two bodies differ, as the allow list does."""
    one, other = flat(public), flat(ours)
    different = {field for field in one | other if one.get(field) != other.get(field)}
    return {field.removeprefix("properties.") if field == "properties.tags" else field for field in different}


def test_the_allow_list_is_short_and_each_field_has_its_reason() -> None:
    assert len(ALLOWED) <= 11
    assert all(ALLOWED.values())


@pytest.mark.parametrize("kind", KINDS)
def test_every_request_equals_the_public_flow_s(
    kind: str, public: tuple[Recording, str], ours: tuple[Recording, Run, str]
) -> None:
    theirs, mine = public[0].of(kind), ours[0].of(kind)
    assert [sent.version for sent in theirs] == [sent.version for sent in mine][: len(theirs)]
    assert len(theirs) == len(mine) - (kind == "question")  # the run's own test, and this test's question
    for one, other in zip(theirs, mine, strict=False):
        assert differing(one.body, other.body) <= {*ALLOWED}
    if kind == "job":
        assert flat(theirs[0].body)[f"{INPUTS}.train_file_path.uri"] == "the train rows"
        assert flat(mine[0].body)[f"{INPUTS}.learning_rate"] == 5e-6


def test_every_allowed_difference_is_there(
    public: tuple[Recording, str], ours: tuple[Recording, Run, str]
) -> None:
    pairs = [pair for kind in KINDS for pair in zip(public[0].of(kind), ours[0].of(kind), strict=False)]
    found = set().union(*(differing(one.body, other.body) for one, other in pairs))
    assert found == {*ALLOWED}


def test_the_app_makes_and_changes_nothing_else(
    public: tuple[Recording, str], ours: tuple[Recording, Run, str]
) -> None:
    def kinds(sent: Recording) -> set[str]:
        return {one.kind for one in sent if not one.kind.startswith("DELETE")} - {"blob", "secrets"}

    assert kinds(ours[0]) == kinds(public[0]) == {*KINDS, "keys"}


def test_the_public_flow_trains_on_four_fifths_of_its_rows_and_ours_on_all(
    public: tuple[Recording, str], ours: tuple[Recording, Run, str]
) -> None:
    """The stand-in trainer's model says how many rows it was given."""
    _, answer = public
    assert f"knows {ROWS * 4 // 5} rows" in answer
    _, run, said = ours
    assert run.prepared is not None
    assert run.prepared.rows["train"] + run.prepared.rows["validation"] + run.prepared.rows["test"] == ROWS
    assert f"knows {run.prepared.rows['train']} rows" in said
