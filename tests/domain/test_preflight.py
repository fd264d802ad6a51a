"""Preflight: every finding with its code, its words and the next command; and what is no finding."""

from __future__ import annotations

import json
from dataclasses import replace as replaced
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from shared.domain import preflight
from shared.domain.base_model import Catalogue, ResolvedModel, catalogue
from shared.domain.recipe import BaseModel, Compute, Recipe, Serving
from shared.domain.run import Run, State
from shared.domain.sizes import Size, Usage
from shared.domain.survey import Cluster, Limits, Served, Survey, WayBack
from tests.domain.builders import NOON, run

DATA = Path(__file__).parent.parent / "data" / "models"
INPUTS: dict[str, Any] = json.loads((DATA / "chat_completion_pipeline.json").read_text())["inputs"]
A100, T4 = "Standard_NC24ads_A100_v4", "Standard_NC16as_T4_v3"
SIZES = {
    size.name.lower(): size
    for size in (
        Size(A100, "StandardNCADSA100v4Family", 24, 1),
        Size("Standard_NC48ads_A100_v4", "StandardNCADSA100v4Family", 48, 2),
        Size(T4, "Standard NCASv3_T4 Family", 16, 1),
        Size("Standard_NC6", "standardNCFamily", 6, 1),
        Size("Standard_NC6s_v3", "standardNCSv3Family", 6, 1),
        Size("Standard_D12_v2", "standardDv2Family", 4, 0),
    )
}
A100_FAMILY, T4_FAMILY = "standardNCADSA100v4Family", "standardNCASv3_T4Family"
QUOTAS = (
    Usage(A100_FAMILY, "dedicated", 0, 96),
    Usage(T4_FAMILY, "dedicated", 0, 96),
    Usage("", "low_priority", 0, 96),
)
CLUSTER = Cluster("gpu-cluster", A100, "succeeded", 2)
KNOWN = Catalogue(
    finetune_sizes=(A100, T4, "Standard_D12_v2", "Standard_NC6s_v3", "Standard_NC48ads_A100_v4"),
    inference_sizes=(A100, T4, "Standard_NC6s_v3"),
    finetune_retired=datetime(2027, 3, 1, tzinfo=UTC),
    tasks=("chat-completion",),
)
SURVEY = Survey(INPUTS, CLUSTER, SIZES, QUOTAS, "support-0a1b2c3d", 3, 4, 1)


def model(known: Catalogue | None = KNOWN, name: str = "Phi-4", **defaults: Any) -> ResolvedModel:
    return ResolvedModel(f"azureml://{name}", name, "8", {}, defaults, known)


def validated(recipe: Recipe | None = None, base: ResolvedModel | None = None) -> Run:
    return run(State.VALIDATING, recipe, base_model=base or model())


def found(recipe: Recipe | None = None, base: ResolvedModel | None = None, **survey: Any) -> dict[str, str]:
    """Look, and give each finding's text by code; warnings begin with `warning: `."""
    the_run = validated(recipe, base)
    findings = preflight.check(the_run, the_run.recipe or Recipe(), replaced(SURVEY, **survey), NOON)
    for one in findings:
        assert (
            one.severity == "warning" or f"droptune {'retry' if 'retry' in one.help else 'drop'} " in one.help
        )
    return {
        one.code: ("" if one.severity == "error" else "warning: ") + one.message + " " + one.help
        for one in findings
    }


def test_where_nothing_is_wrong_only_the_day_of_retirement_is_told() -> None:
    assert found() == {"model-retires": "warning: Phi-4:8 retires on 2027-03-01. "}


# ---- the model

RETIRED = replace(KNOWN, archived=True, finetune_retired=datetime(2025, 8, 30, tzinfo=UTC))


def test_a_retired_model_is_refused_with_its_day_and_successor() -> None:
    said = found(base=model(RETIRED, "Phi-3-mini-4k-instruct"))
    assert list(said) == ["model-retired"]
    assert "retired since 2025-08-30" in said["model-retired"]
    assert "successor for tuning is Phi-4" in said["model-retired"]
    assert said["model-retired"].endswith("droptune drop FILE --recipe support")


def test_it_is_let_through_where_the_recipe_says_so_and_told() -> None:
    allowed = Recipe(base_model=BaseModel(allow_retired=True))
    assert found(allowed, model(RETIRED))["model-retired"].startswith("warning: ")


def test_the_earlier_of_the_two_retirements_counts() -> None:
    known = replace(KNOWN, inference_retired=datetime(2026, 1, 1, tzinfo=UTC))
    assert "2026-01-01" in found(base=model(known))["model-retired"]


def test_an_archived_model_is_refused_though_it_has_no_day() -> None:
    known = replace(KNOWN, archived=True, finetune_retired=None)
    assert "is archived" in found(base=model(known))["model-archived"]


def test_what_nobody_publishes_is_a_warning_and_no_pass() -> None:
    said = found(base=model(Catalogue()))
    assert set(said) == {"model-retirement-unknown", "sizes-unpublished"}
    assert all(text.startswith("warning: ") for text in said.values())
    assert found(base=model(None))["model-unpublished"].startswith("warning: ")


def test_a_model_for_another_task_is_refused() -> None:
    assert (
        "published for: embeddings"
        in found(base=model(replace(KNOWN, tasks=("embeddings",))))["model-not-tunable"]
    )


def test_a_model_s_name_may_be_too_odd_to_register() -> None:
    assert "cannot name a registered model" in found(base=model(name="Phi 4"))["model-name"]


# ---- sizes


def test_a_retired_size_is_refused_for_tuning_and_for_serving() -> None:
    both = Recipe(
        compute=Compute(name="serverless", size="Standard_NC6s_v3"),
        serving=Serving(instance_type="STANDARD_NC24RS_V3"),
    )
    the_run = validated(both)
    findings = [f for f in preflight.check(the_run, both, SURVEY, NOON) if f.code == "size-retired"]
    assert ["2025-09-30" in findings[0].message, "2025-03-31" in findings[1].message] == [True, True]
    before = datetime(2025, 9, 29, tzinfo=UTC)
    assert [f for f in preflight.check(the_run, both, SURVEY, before) if "2025-09-30" in f.message] == []


def test_sizes_are_held_against_the_published_lists_without_regard_to_case() -> None:
    shouted = Recipe(serving=Serving(instance_type=A100.upper()))
    assert set(found(shouted, cluster=replaced(CLUSTER, size=A100.lower()))) == {"model-retires"}
    other = Recipe(
        compute=Compute(size="Standard_NC80adis_H100_v5"), serving=Serving(instance_type="Standard_X")
    )
    said = found(other, cluster=replaced(CLUSTER, size="Standard_NC80adis_H100_v5"))
    assert A100 in said["tuning-size-not-listed"]
    assert "Standard_X" in said["serving-size-not-listed"]


def test_k80_cards_are_refused_where_no_list_is_published() -> None:
    recipe = Recipe(compute=Compute(size="Standard_NC6"))
    cluster = replaced(CLUSTER, size="Standard_NC6")
    assert "K80" in found(recipe, model(Catalogue()), cluster=cluster)["size-k80"]
    assert "size-k80" not in found(recipe, cluster=cluster)


def test_a_size_that_is_not_offered_or_has_no_gpu_is_refused() -> None:
    few = {A100.lower(): SIZES[A100.lower()], "standard_d12_v2": SIZES["standard_d12_v2"]}
    recipe = Recipe(compute=Compute(size="Standard_D12_v2"), serving=Serving(instance_type=T4))
    said = found(recipe, cluster=replaced(CLUSTER, size="Standard_D12_v2"), sizes=few)
    assert f"{T4} for serving is not offered" in said["size-not-offered"]
    assert "has no GPU" in said["size-no-gpu"]


def test_where_the_sizes_cannot_be_had_that_is_told() -> None:
    said = found(sizes=None, unknown={"sizes": "Azure refuses access to the sizes."})
    assert "Azure refuses access" in said["sizes-unknown"]
    assert "docs/roles.md" in said["sizes-unknown"]
    assert said["quota-unknown"].startswith("warning: ")


# ---- the cluster


def test_a_missing_cluster_is_refused_unless_it_may_be_made() -> None:
    assert "az ml compute create" in found(cluster=None)["compute-missing"]
    assert "compute-missing" not in found(Recipe(compute=Compute(create=True)), cluster=None)
    assert "compute-missing" not in found(Recipe(compute=Compute(name="serverless")), cluster=None)


def test_a_failed_cluster_says_why() -> None:
    broken = replaced(CLUSTER, state="failed", errors=("SubnetFull: no address left",))
    assert "SubnetFull: no address left" in found(cluster=broken)["compute-failed"]


def test_more_nodes_than_there_can_be_are_refused() -> None:
    assert "at most 2 nodes" in found(Recipe(training={"num_nodes_finetune": 3}))["compute-too-small"]
    assert "compute-too-small" not in found(Recipe(training={"num_nodes_finetune": 2}))


def test_a_cluster_that_never_rests_is_told() -> None:
    said = found(cluster=replaced(CLUSTER, min_nodes=1))["compute-always-on"]
    assert said.startswith("warning: ")
    assert "--min-instances 0" in said


def test_the_cluster_s_own_size_counts() -> None:
    said = found(cluster=replaced(CLUSTER, size=T4))
    assert said["compute-other-size"].startswith("warning: ")


# ---- quotas


def with_quota(limit: int, used: int = 0, family: str = A100_FAMILY) -> tuple[Usage, ...]:
    return (Usage(family, "dedicated", used, limit), *[one for one in QUOTAS if one.family != family])


def test_the_peak_is_tuning_champion_and_challenger() -> None:
    champion = Served(A100, 1)
    assert "quota-too-small" not in found(usages=with_quota(48))
    said = found(usages=with_quota(71), champion=champion)["quota-too-small"]
    assert "72 cores StandardNCADSA100v4Family (24 tuning + 24 champion + 24 challenger)" in said
    assert said.endswith(f"droptune retry {validated().name}")
    assert "quota-too-small" not in found(usages=with_quota(72), champion=champion)


def test_a_fifth_more_is_reserved_for_serving_but_for_the_sizes_azure_exempts() -> None:
    served = Recipe(serving=Serving(instance_type=T4, instance_count=5))
    assert "96 challenger" in found(served, usages=with_quota(95, family=T4_FAMILY))["quota-too-small"]
    assert "quota-too-small" not in found(served, usages=with_quota(96, family=T4_FAMILY))
    exempt = found(usages=with_quota(48))
    assert exempt["quota-reserve"].startswith("warning: ")
    assert "24 more" in exempt["quota-reserve"]


def test_nodes_and_gpus_make_the_peak_larger() -> None:
    two = Recipe(training={"num_nodes_finetune": 2})
    assert "48 tuning + 24 challenger" in found(two, usages=with_quota(60))["quota-too-small"]


EVENING = datetime(2026, 11, 24, 18, tzinfo=UTC)
SERVED_ON_T4 = Recipe(serving=Serving(instance_type=T4))


def kept(size: str = A100, count: int = 1) -> dict[str, Any]:
    """A champion, and the deployment before it, which stays for a way back."""
    return {"champion": Served(size, 1), "way_back": WayBack("rold", Served(size, count), EVENING)}


def test_the_way_back_may_stand_in_the_new_deployment_s_room_and_until_when_is_told() -> None:
    said = found(SERVED_ON_T4, usages=with_quota(64, used=64, family=T4_FAMILY), **kept(T4))
    assert "quota-in-use" not in said  # the same, and it would not say until when
    assert said["quota-way-back"] == (
        "warning: rold stays for a way back until 2026-11-24 18:00:00 UTC and takes 32 of 64 cores "
        "Standard NCASv3_T4 Family. Until the first sweep after that the run waits for room for its "
        "deployment, three hours at most. To wait less, lower serving.keep_previous_hours for the next "
        "drops, or ask for more quota"
    )
    assert "quota-way-back" not in found(SERVED_ON_T4, usages=with_quota(96, family=T4_FAMILY), **kept(T4))
    assert "quota-way-back" not in found(SERVED_ON_T4, usages=with_quota(64, family=T4_FAMILY))


def test_the_way_back_may_keep_the_job_waiting_too() -> None:
    both = found(usages=with_quota(72, used=72), **kept(count=2))["quota-way-back"]
    assert "takes 48 of 72 cores" in both
    assert "the job waits in Azure ML's queue and the run waits for room for its deployment" in both
    assert "quota-way-back" not in found(usages=with_quota(72, used=48), **kept())  # one after the other fits
    large = Recipe(compute=Compute(size="Standard_NC48ads_A100_v4"))
    cluster = replaced(CLUSTER, size="Standard_NC48ads_A100_v4")
    job = found(large, cluster=cluster, usages=with_quota(95, used=48), **kept())
    assert "quota-too-small" in job  # and then nothing of waiting
    assert "quota-way-back" not in job
    job = found(large, cluster=cluster, usages=with_quota(96, used=72), **kept(count=2))
    assert job["quota-way-back"].split("after that ")[1].startswith("the job waits in Azure ML's queue. ")


def test_where_the_champion_makes_room_the_way_back_is_still_in_it() -> None:
    replaces = Recipe(serving=Serving(strategy="replace", instance_type=T4))
    looked = found(replaces, usages=with_quota(32, used=32, family=T4_FAMILY), **kept(T4))
    assert "takes 32 of 32 cores" in looked["quota-way-back"]
    assert "quota-way-back" not in found(replaces, usages=with_quota(64, family=T4_FAMILY), **kept(T4))


def test_what_else_is_in_use_is_told_beside_it() -> None:
    larger = Recipe(serving=Serving(instance_type=T4, instance_count=2))
    said = found(larger, usages=with_quota(80, used=80, family=T4_FAMILY), **kept(T4))
    assert {"quota-way-back", "quota-in-use"} <= set(said)
    said = found(larger, usages=with_quota(80, used=64, family=T4_FAMILY), **kept(T4))
    assert {"quota-way-back"} == {"quota-way-back", "quota-in-use"} & set(said)


def test_a_way_back_of_another_family_is_in_nobody_s_way() -> None:
    other = WayBack("rold", Served("Standard_NC6", 1), EVENING)
    looked = found(usages=with_quota(200), champion=Served(A100, 1), way_back=other)
    assert set(looked) == {"model-retires"}


def test_what_is_in_use_just_now_is_a_warning() -> None:
    said = found(usages=with_quota(96, used=60))["quota-in-use"]
    assert said.startswith("warning: Of 96 cores")


def test_no_limit_is_no_limit_and_no_answer_is_a_warning() -> None:
    assert set(found(usages=with_quota(-1))) == {"model-retires"}
    assert found(usages=None, unknown={"usages": "Forbidden."})["quota-unknown"].startswith("warning: ")
    assert "no dedicated quota" in found(usages=())["quota-unknown"].lower()


def test_replace_needs_room_for_one_and_says_what_that_costs() -> None:
    champion = Served(A100, 1)
    said = found(usages=with_quota(71), champion=champion)["quota-too-small"]
    assert "or write serving.strategy: replace (nothing answers while the models change)" in said
    replaces = Recipe(serving=Serving(strategy="replace"))
    looked = found(replaces, usages=with_quota(71, used=24), champion=champion)
    assert not {"quota-too-small", "quota-in-use"} & set(looked)
    assert "support-0a1b2c3d will answer nothing" in looked["serving-downtime"]
    assert looked["serving-downtime"].startswith("warning: ")
    assert "serving-downtime" not in found(replaces, champion=None)
    none = found(usages=with_quota(47), champion=champion)["quota-too-small"]
    assert "serving.strategy" not in none  # it would not help


def test_a_workspace_s_own_quota_counts_where_it_is_narrower() -> None:
    own = (Usage(A100_FAMILY, "dedicated", 0, 24), *QUOTAS)
    assert "is 24" in found(usages=own)["quota-too-small"]


def test_the_quota_over_all_families_counts_too() -> None:
    served = Recipe(serving=Serving(instance_type=T4))
    everything = (Usage("", "dedicated", 0, 40), *QUOTAS)
    assert (
        "of all families (24 tuning + 32 challenger)" in found(served, usages=everything)["quota-too-small"]
    )


def test_a_new_cluster_is_of_low_priority_where_dedicated_has_no_quota() -> None:
    recipe = Recipe(compute=Compute(create=True), serving=Serving(instance_type=T4))
    none = with_quota(0)
    assert preflight.quota.tier(recipe, replaced(SURVEY, usages=none)) == "low_priority"
    assert preflight.quota.tier(recipe, SURVEY) == "dedicated"
    assert "quota-too-small" not in found(recipe, cluster=None, usages=none)
    full = tuple(replaced(usage, used=96) if usage.tier == "low_priority" else usage for usage in none)
    assert preflight.quota.tier(recipe, replaced(SURVEY, usages=full)) == "dedicated"


def test_a_size_may_be_dedicated_alone() -> None:
    only = {**SIZES, A100.lower(): replaced(SIZES[A100.lower()], low_priority=False)}
    makes = Recipe(compute=Compute(create=True), serving=Serving(instance_type=T4))
    assert preflight.quota.tier(makes, replaced(SURVEY, sizes=only, usages=with_quota(0))) == "dedicated"
    low = Recipe(compute=Compute(create=True, tier="low_priority"))
    assert "cannot be had at low priority" in found(low, cluster=None, sizes=only)["size-dedicated-only"]
    assert "size-dedicated-only" not in found(low, sizes=only)


# ---- endpoints


def test_full_quotas_of_endpoints_and_deployments_are_refused() -> None:
    limits = Limits(endpoints=3, deployments=4, deployments_beside=1)
    assert "the limit is 3" in found(limits=limits, beside=None)["endpoint-quota"]
    assert "ENDPOINTS_MAX" in found(limits=limits, beside=None)["endpoint-quota"]
    assert "endpoint-quota" not in found(limits=limits)
    assert "4 deployments already" in found(limits=replaced(limits, deployments_beside=9))["deployment-quota"]
    assert "on support-0a1b2c3d" in found(limits=replaced(limits, deployments=99))["deployment-quota"]


def test_names_keep_to_azure_s_rule() -> None:
    assert "cannot name endpoint" in found(endpoint="-x-")["endpoint-name"]
    assert "cannot name endpoint" in found(endpoint="a--b")["endpoint-name"]


def test_uncounted_endpoints_are_a_warning() -> None:
    assert found(endpoints=None, unknown={"endpoints": "Forbidden."})["endpoints-unknown"].startswith(
        "warning: "
    )


def test_more_instances_than_azure_allows_are_refused() -> None:
    many = Recipe(serving=Serving(instance_count=51))
    assert "at most 50" in found(many, usages=with_quota(-1))["too-many-instances"]


# ---- parameters


def test_wrong_parameters_are_found_before_anything_is_spent() -> None:
    said = found(Recipe(training={"learning_rat": 1, "num_train_epochs": 0}))["training-parameters"]
    assert "did you mean 'learning_rate'?" in said
    assert "found 0, expected at least 1" in said


def test_a_model_s_default_that_is_no_input_is_told() -> None:
    said = found(base=model(learning_rate_min="5e-7"))
    assert "learning_rate_min is not sent (unknown" in said["model-default-dropped"]


def test_without_evaluation_there_would_be_no_gate() -> None:
    assert "first gate" in found(Recipe(training={"evaluation_strategy": "disable"}))["evaluation-disabled"]


# ---- all of them at once


def test_everything_is_said_at_once_errors_first() -> None:
    wrong = Recipe(training={"learning_rat": 1}, serving=Serving(instance_type="Standard_NC6s_v3"))
    the_run = validated(wrong, model(RETIRED))
    findings = preflight.check(the_run, wrong, replaced(SURVEY, cluster=None, usages=()), NOON)
    assert [f.code for f in findings if f.severity == "error"] == [
        "training-parameters",
        "model-retired",
        "compute-missing",
        "size-retired",
    ]
    assert [f.severity for f in findings] == sorted(f.severity for f in findings)
    problem = preflight.problem(the_run, findings)
    assert problem is not None
    assert problem.code == "preflight-failed"
    assert problem.message.startswith("4 things stand in the way. (1) training.learning_rat")
    assert problem.help.endswith(f"droptune show {the_run.name}")
    assert preflight.problem(the_run, tuple(f for f in findings if f.severity == "warning")) is None


# ---- the catalogue


def test_both_forms_of_the_catalogue_are_read() -> None:
    new = {
        "isArchived": True,
        "systemMetadata": {
            "supportedComputes": {"finetuneComputes": [A100], "inferenceComputes": [T4]},
            "deprecation": {"finetuneRetirementDate": "2025-08-30T00:00:00.000000Z"},
            "tasks": {"fineTuningTasks": ["chat-completion"]},
        },
        "tags": {},
    }
    day = datetime(2025, 8, 30, tzinfo=UTC)
    assert catalogue(new) == Catalogue(
        archived=True,
        finetune_sizes=(A100,),
        inference_sizes=(T4,),
        finetune_retired=day,
        tasks=("chat-completion",),
    )
    old = {
        "tags": {"finetune_compute_allow_list": f"['{A100}']", "inferenceRetirementDate": "2025-08-30"},
        "properties": {"finetuning-tasks": "chat-completion, text-generation"},
    }
    assert catalogue(old) == Catalogue(
        finetune_sizes=(A100,), inference_retired=day, tasks=("chat-completion", "text-generation")
    )


@pytest.mark.parametrize(
    "raw",
    [
        {"systemMetadata": None, "tags": None},
        {"systemMetadata": [], "tags": {"finetune_compute_allow_list": "[__import__('os')"}},
        {"systemMetadata": {"deprecation": {"finetuneRetirementDate": "soon"}, "supportedComputes": 3}},
    ],
)
def test_a_catalogue_that_cannot_be_read_publishes_nothing(raw: dict[str, Any]) -> None:
    assert catalogue(raw) == Catalogue()
