"""What the Bicep declares, against what the code uses and what security asks for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import tree_sitter_bicep
from tree_sitter import Language, Parser

from shared import settings
from shared.adapters.storage import place
from shared.domain import subscriptions
from tests.infra.bicep import FILES, INFRA, made, modules, names, path_of, resources, tree, variable, word

if TYPE_CHECKING:
    from pathlib import Path

    from tree_sitter import Node

# Azure/bicep-registry-modules@9f9ea1a1 (2026-08-07), but for networks and resource groups.
VERSIONS = {
    "Microsoft.Web/": {"2025-03-01"},
    "Microsoft.Storage/": {"2025-08-01", "2025-06-01", "2025-01-01"},
    "Microsoft.EventGrid/": {"2025-02-15"},
    "Microsoft.MachineLearningServices/": {"2024-10-01"},
    "Microsoft.Insights/metricAlerts": {"2018-03-01"},
    "Microsoft.Insights/actionGroups": {"2024-10-01-preview"},
    "Microsoft.Insights/components": {"2020-02-02"},
    "Microsoft.Insights/scheduledQueryRules": {"2025-01-01-preview"},
    "Microsoft.Authorization/": {"2022-04-01"},
    "Microsoft.ManagedIdentity/": {"2024-11-30"},
    "Microsoft.OperationalInsights/": {"2025-07-01"},
    "Microsoft.KeyVault/": {"2025-05-01"},
    "Microsoft.ContainerRegistry/": {"2025-11-01"},
    "Microsoft.Consumption/": {"2024-08-01"},
    "Microsoft.Network/": {"2024-05-01", "2024-06-01"},
    "Microsoft.Resources/": {"2024-03-01"},
}


def broken(node: Node) -> list[str]:
    own = [f"{node.start_point}: {node.text!r:.60}"] if node.type == "ERROR" or node.is_missing else []
    return own + [fault for child in node.children for fault in broken(child)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_parsed_whole_by_both_parsers(path: Path) -> None:
    found = Parser(Language(tree_sitter_bicep.language())).parse(path.read_bytes())
    assert broken(found.root_node) == []
    assert tree(path)["parameters"]


def doubled(node: Node) -> list[str]:
    """Bicep takes no key twice in an object (BCP025); neither parser minds."""
    keys = [
        bytes(child.children[0].text or b"").decode().strip("'")
        for child in node.children
        if child.type == "object_property"
    ]
    own = [key for key in set(keys) if keys.count(key) > 1]
    return own + [key for child in node.children for key in doubled(child)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_object_has_a_key_twice(path: Path) -> None:
    assert doubled(Parser(Language(tree_sitter_bicep.language())).parse(path.read_bytes()).root_node) == []


def test_a_key_that_stands_twice_is_seen() -> None:
    text = b"var x = {\n  a: 1\n  b: {\n    a: 1\n    a: 2\n  }\n}\n"
    assert doubled(Parser(Language(tree_sitter_bicep.language())).parse(text).root_node) == ["a"]


def test_a_broken_file_is_seen() -> None:
    found = Parser(Language(tree_sitter_bicep.language())).parse(b"resource x 'A/b@1' = {\n  name: \n}")
    assert broken(found.root_node)


def test_every_module_is_local_and_every_file_is_used() -> None:
    assert {one.path for one in modules()} == {
        f"app/{path.name}" for path in FILES if path.name != "main.bicep"
    }
    assert "br/" not in "".join(path.read_text("utf-8") for path in FILES)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.symbol)
def test_a_module_is_given_what_it_asks_for(module: object) -> None:
    asked = tree(INFRA / module.path)["parameters"]  # type: ignore[attr-defined]
    required = {name for name, one in asked.items() if one["default"] is None}
    given = set(module.params)  # type: ignore[attr-defined]
    assert required <= given <= set(asked)


def test_every_output_that_is_read_is_given() -> None:
    text = (INFRA / "main.bicep").read_text("utf-8")
    given = {one.symbol: set(tree(INFRA / one.path).get("outputs") or {}) for one in modules()}
    read = re.findall(r"\b(\w+)\.outputs\.(\w+)", text)
    assert len(read) > 20
    assert [f"{symbol}.{name}" for symbol, name in read if name not in given[symbol]] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_declared_in_vain(path: Path) -> None:
    text, found = path.read_text("utf-8"), tree(path)
    symbols = [*found["parameters"], *(found.get("variables") or {})]
    symbols += [name for name, one in (found.get("resources") or {}).items() if one["existing"]]
    assert [name for name in symbols if word(name, text) < 2] == []


def test_the_parameters_file_names_parameters() -> None:
    given = json.loads((INFRA / "main.parameters.json").read_text("utf-8"))["parameters"]
    asked = tree(INFRA / "main.bicep")["parameters"]
    required = {name for name, one in asked.items() if one["default"] is None}
    assert required <= set(given) <= set(asked)
    for name, one in given.items():
        assert re.fullmatch(r"\$\{[A-Z_]+(=[\w.-]*)?\}", one["value"]), name


@pytest.mark.parametrize("one", made("Microsoft.Storage/storageAccounts"), ids=str)
def test_storage_takes_no_key_and_nothing_is_public(one: object) -> None:
    properties = one.properties  # type: ignore[attr-defined]
    assert properties["allowSharedKeyAccess"] is False
    assert properties["allowBlobPublicAccess"] is False
    assert properties["allowCrossTenantReplication"] is False
    assert properties["minimumTlsVersion"] == "TLS1_2"
    assert properties["supportsHttpsTrafficOnly"] is True


def test_no_container_is_public() -> None:
    for one in made("Microsoft.Storage/storageAccounts/blobServices/containers"):
        assert one.properties["publicAccess"] == "None"


def test_the_app_takes_https_by_tls_1_2_and_no_password() -> None:
    (app,) = made("Microsoft.Web/sites")
    assert app.properties["httpsOnly"] is True
    assert app.properties["siteConfig"]["minTlsVersion"] == "1.2"
    assert app.properties["siteConfig"]["ftpsState"] == "Disabled"
    policies = made("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert {one.body["name"]: one.properties["allow"] for one in policies} == {"scm": False, "ftp": False}


def test_the_app_runs_python_3_12_with_its_own_identity() -> None:
    (app,) = made("Microsoft.Web/sites")
    config = app.properties["functionAppConfig"]
    assert config["runtime"] == {"name": "python", "version": "3.12"}
    assert config["deployment"]["storage"]["authentication"]["type"] == "UserAssignedIdentity"
    assert app.body["identity"]["type"] == "UserAssigned"


def test_nothing_else_takes_a_key() -> None:
    for one in made("Microsoft.Insights/components"):
        assert one.properties["DisableLocalAuth"] is True
    for one in made("Microsoft.EventGrid/topics"):
        assert one.properties["disableLocalAuth"] is True
    for one in made("Microsoft.ContainerRegistry/registries"):
        assert one.properties["adminUserEnabled"] is False
    for one in made("Microsoft.OperationalInsights/workspaces"):
        assert one.properties["features"]["disableLocalAuth"] is True


def test_no_secret_is_read_or_told() -> None:
    text = "\n".join(path.read_text("utf-8") for path in FILES)
    assert (
        re.findall(r"list(?:Keys|Secrets|Credentials|AccountSas|ServiceSas)\w*\(", text, re.IGNORECASE) == []
    )
    told = [line for line in text.splitlines() if line.startswith("output ")]
    assert [
        line for line in told if re.search(r"key|secret|password|connectionstring", line, re.IGNORECASE)
    ] == []


def test_connections_are_by_identity() -> None:
    platform = set(variable("host.bicep", "platform"))
    assert {"AzureWebJobsStorage__credential", "DROPTUNE_STORAGE__credential", "AZURE_CLIENT_ID"} <= platform
    assert "AzureWebJobsStorage" not in platform
    assert not platform & {"DROPTUNE_STORAGE", "FUNCTIONS_WORKER_RUNTIME", "SCM_DO_BUILD_DURING_DEPLOYMENT"}
    assert not platform & {"WEBSITE_RUN_FROM_PACKAGE", "FUNCTIONS_EXTENSION_VERSION"}


def test_every_container_and_queue_of_the_code_is_made() -> None:
    containers = names("Microsoft.Storage/storageAccounts/blobServices/containers")
    used = {place.DATASETS, place.RECIPES, place.RUNS, place.PREPARED, subscriptions.DEAD_LETTERS}
    assert used | {"app-package"} == containers
    queues = names("Microsoft.Storage/storageAccounts/queueServices/queues")
    assert queues == {place.RUN_STEPS, f"{place.RUN_STEPS}-poison", "webjobs-blobtrigger-poison"}


def test_the_datastore_is_the_one_that_jobs_are_given_and_has_no_credential() -> None:
    (datastore,) = made("Microsoft.MachineLearningServices/workspaces/datastores")
    assert datastore.body["name"] == settings.load(SOUND).azureml.datastore
    assert datastore.properties["containerName"] == place.PREPARED
    assert datastore.properties["credentials"] == {"credentialsType": "None"}
    assert datastore.properties["serviceDataAccessAuthIdentity"] == "None"


def test_the_cluster_scales_to_none() -> None:
    (cluster,) = made("Microsoft.MachineLearningServices/workspaces/computes")
    assert cluster.conditional
    scale = cluster.properties["properties"]["scaleSettings"]
    assert (scale["minNodeCount"], scale["nodeIdleTimeBeforeScaleDown"]) == (0, "PT2M")
    assert cluster.properties["disableLocalAuth"] is True


def test_the_workspaces_own_datastores_go_by_identity() -> None:
    (workspace,) = made("Microsoft.MachineLearningServices/workspaces")
    assert workspace.properties["systemDatastoresAuthMode"] == "identity"


def test_topics_have_an_identity_for_their_dead_letters() -> None:
    topics = made("Microsoft.EventGrid/systemTopics")
    assert {one.properties["topicType"] for one in topics} == {
        "Microsoft.Storage.StorageAccounts",
        "Microsoft.MachineLearningServices.Workspaces",
    }
    assert all(one.body["identity"] == {"type": "SystemAssigned"} for one in topics)


def test_lifecycle_never_takes_what_the_app_keeps() -> None:
    (policy,) = made("Microsoft.Storage/storageAccounts/managementPolicies")
    prefixes = [
        prefix
        for rule in policy.properties["policy"]["rules"]
        for prefix in rule["definition"]["filters"]["prefixMatch"]
    ]
    assert sorted(prefixes) == ["dead-letters/", "runs/sweep/own/"]


@pytest.mark.parametrize("one", resources(), ids=str)
def test_api_versions_are_those_that_were_read(one: object) -> None:
    kind, version = one.type, one.version  # type: ignore[attr-defined]
    known = next(versions for prefix, versions in VERSIONS.items() if kind.startswith(prefix))
    assert version in known


def test_every_skip_of_checkov_is_explained() -> None:
    skips = [
        line for path in FILES for line in path.read_text("utf-8").splitlines() if "checkov:skip" in line
    ]
    assert skips
    for line in skips:
        assert re.search(r"// checkov:skip=CKV_AZURE_\d+: \w.{10,}", line), line


def test_the_settings_of_bicep_are_settings() -> None:
    given = variable("host.bicep", "droptune")
    known = settings.known()
    assert set(given) <= set(known)
    assert {key for key, default in known.items() if default is None} <= set(given)
    # The host itself resolves %NAME%: a default in the code does not reach it.
    assert {key: given[key] for key in known if key.endswith("_SCHEDULE")} == {
        key: default for key, default in known.items() if key.endswith("_SCHEDULE")
    }
    assert path_of("host.bicep").exists()


SOUND = {
    "DROPTUNE_STORAGE__blobServiceUri": "https://a.blob.core.windows.net",
    "DROPTUNE_STORAGE__queueServiceUri": "https://a.queue.core.windows.net",
    "AZURE_SUBSCRIPTION_ID": "s",
    "AZURE_RESOURCE_GROUP": "g",
    "AZUREML_WORKSPACE_NAME": "w",
    "DROPTUNE_INSTALLATION": "acme-prod",
}


def test_each_alert_has_its_section_in_the_runbook() -> None:
    alerts = [*made("Microsoft.Insights/scheduledQueryRules"), *made("Microsoft.Insights/metricAlerts")]
    names = {str(alert.body["name"]) for alert in alerts}
    assert len(names) >= 4
    assert made("Microsoft.Consumption/budgets")
    text = (INFRA.parent / "docs" / "runbook.md").read_text("utf-8")
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert names | {"the budget"} <= set(sections)
    assert [name for name, said in sections.items() if not re.search(r"`(droptune|az) |    az ", said)] == []
