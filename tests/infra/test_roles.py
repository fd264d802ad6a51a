"""docs/roles.md and the Bicep give the same roles on the same scopes, and none is wide."""

from __future__ import annotations

import re
from typing import Any

from shared.domain.needed_roles import NEEDS
from tests.infra.bicep import INFRA, made, tree, variable

# Azure/bicep-registry-modules@9f9ea1a1, modules' own tables of built-in roles.
ROLES = {
    "f6c7c914-8db3-469d-8ca1-694a8f32e121": "AzureML Data Scientist",
    "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815": "AzureML Compute Operator",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": "Storage Queue Data Message Sender",
    "19e7f393-937e-4f77-808e-94535e297925": "Storage Queue Data Reader",
    "8a0f0c08-91a1-4084-bc3d-661d67233fed": "Storage Queue Data Message Processor",
    "d5a91429-5739-47e2-a06b-3470a27159e7": "EventGrid Data Sender",
    "43d0d8ad-25c7-4714-9337-8ba259a9fe05": "Monitoring Reader",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "f1a07417-d97a-45cb-824c-7a7467783830": "Managed Identity Operator",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
}
WHO = {
    "appPrincipalId": "app",
    "jobsPrincipalId": "jobs",
    "dropsTopicPrincipalId": "drops topic",
    "jobsTopicPrincipalId": "jobs topic",
    "ownerPrincipalId": "person",
}
SCOPES = {
    ("roles.bicep", "datasets"): "container datasets",
    ("roles.bicep", "recipes"): "container recipes",
    ("roles.bicep", "runs"): "container runs",
    ("roles.bicep", "prepared"): "container prepared",
    ("roles.bicep", "deadLetters"): "container dead-letters",
    ("roles.bicep", "steps"): "queue run-steps",
    ("roles.bicep", "stepsPoison"): "queue run-steps-poison",
    ("roles.bicep", "blobsPoison"): "queue webjobs-blobtrigger-poison",
    ("roles.bicep", "hostAccount"): "host account",
    ("roles.bicep", "insights"): "Application Insights",
    ("roles.bicep", "notices"): "topic notices",
    ("roles.bicep", "jobsIdentity"): "jobs' identity",
    ("ml.bicep", "workspace"): "workspace",
    ("workspace.bicep", "account"): "workspace's storage",
    ("workspace.bicep", "registry"): "workspace's registry",
}
NONE = "\N{EN DASH}"
CUSTOM = ("app", "Droptune quota reader", "subscription")
OF_SUBSCRIPTION = {
    "quotaReaderOfApp": CUSTOM,
    "appReadsMetrics": ("app", "Monitoring Reader", "subscription"),
}


def told() -> set[tuple[str, str, str]]:
    text = (INFRA.parent / "docs" / "roles.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    return {(row[0], row[3], row[4]) for row in rows[2:] if row[3] != NONE}


def assigned() -> list[tuple[str, str, str, str]]:
    """Each assignment as (file, principal, role's id, scope's symbol), but for those of the subscription."""
    found = []
    for one in made("Microsoft.Authorization/roleAssignments"):
        if one.symbol in OF_SUBSCRIPTION:
            continue
        role: Any = one.properties["roleDefinitionId"]["function"]["parameters"]["resource_name_1"]
        found.append((one.file, one.properties["principalId"], variable(one.file, role), one.body["scope"]))
    return found


def test_every_role_is_a_known_one_and_none_is_wide() -> None:
    assert len(assigned()) > 20
    assert {role for _file, _who, role, _scope in assigned()} == set(ROLES)


def test_the_docs_and_the_bicep_give_the_same_roles() -> None:
    given = {
        (WHO[who], ROLES[role], SCOPES[file, scope])
        for file, who, role, scope in assigned()
        if file != "people.bicep"
    }
    assert given | {*OF_SUBSCRIPTION.values()} == told()


def test_only_two_assignments_reach_over_the_subscription_and_each_can_be_left_out() -> None:
    found = {
        one.symbol: one for one in made("Microsoft.Authorization/roleAssignments") if one.file == "main.bicep"
    }
    assert found.keys() == OF_SUBSCRIPTION.keys()
    text = (INFRA / "main.bicep").read_text("utf-8")
    for symbol, switch in (("quotaReaderOfApp", "readQuotas"), ("appReadsMetrics", "batchMetrics")):
        assert found[symbol].conditional
        assert re.search(rf"^resource {symbol} .* = if \({switch}\) {{$", text, re.MULTILINE)
    role = found["appReadsMetrics"].properties["roleDefinitionId"]["function"]["parameters"][
        "resource_name_1"
    ]
    assert ROLES[variable("main.bicep", role)] == "Monitoring Reader"


def test_the_custom_role_reads_two_things() -> None:
    (role,) = made("Microsoft.Authorization/roleDefinitions")
    (permission,) = role.properties["permissions"]
    assert permission["actions"] == [
        "Microsoft.MachineLearningServices/locations/usages/read",
        "Microsoft.MachineLearningServices/locations/vmSizes/read",
    ]
    assert permission["dataActions"] == []
    assert role.properties["roleName"].startswith("Droptune quota reader")


def test_an_assignments_name_is_made_of_its_own_scope_principal_and_role() -> None:
    """Two assignments of one name are one: the second would be lost, or refused."""
    for one in made("Microsoft.Authorization/roleAssignments"):
        text = str(one.body["name"])
        parts = [one.properties["principalId"], one.body.get("scope")]
        if one.symbol not in OF_SUBSCRIPTION:
            parts.append(one.properties["roleDefinitionId"]["function"]["parameters"]["resource_name_1"])
            assert all(f"'{part}'" in text for part in parts), str(one)


def test_what_a_person_is_given_is_told() -> None:
    text = (INFRA.parent / "docs" / "roles.md").read_text("utf-8").partition("## People")[2]
    flat = re.sub(r"\s+", " ", text)
    for file, _who, role, _scope in assigned():
        if file == "people.bicep":
            assert ROLES[role].removeprefix("Storage Queue Data ") in flat
    assert tree(INFRA / "app" / "people.bicep")["parameters"]["ownerPrincipalId"]["default"] is None


def test_the_doctor_looks_for_roles_that_are_given() -> None:
    ends = {"datasets": "datasets", "recipes": "recipes", "runs": "runs", "prepared": "prepared"}
    ends |= {"steps": "run-steps", "stepsPoison": "run-steps-poison", "workspace": ""}
    ends |= {"blobsPoison": "webjobs-blobtrigger-poison"}
    given = {
        (ROLES[role], ends[scope])
        for _file, who, role, scope in assigned()
        if who == "appPrincipalId" and scope in ends and ROLES[role] != "AzureML Compute Operator"
    }
    assert given == {(need.role, need.below.rpartition("/")[2]) for need in NEEDS}
    assert all(ROLES[need.enough[0]] == need.role for need in NEEDS)
