"""azure.yaml, the workflows and dependabot: they name what is there, hold no secret, and sign in by OIDC."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text("utf-8"))


def commands(text: str) -> list[str]:
    return re.findall(r"python3? (\S+\.py(?: package)?)", text)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_by_default_and_holds_no_secret(path: Path) -> None:
    found = read(path)
    assert found["permissions"] == {"contents": "read"}
    assert "secrets." not in path.read_text("utf-8")
    for job in found["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert all("@" in step["uses"] for step in job["steps"] if "uses" in step)


def test_a_deployment_signs_in_by_oidc_and_a_pull_request_changes_nothing() -> None:
    jobs = read(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]
    for job in jobs.values():
        assert job["permissions"]["id-token"] == "write"
        assert any("--federated-credential-provider github" in step.get("run", "") for step in job["steps"])
    what_if = [step.get("run", "") for step in jobs["what-if"]["steps"]]
    assert "azd provision --preview --no-prompt" in what_if
    assert not [run for run in what_if if run.startswith(("azd up", "azd deploy"))]
    assert "pull_request.head.repo.full_name == github.repository" in jobs["what-if"]["if"]


def test_every_script_that_is_named_is_there() -> None:
    texts = [path.read_text("utf-8") for path in (*WORKFLOWS, ROOT / "azure.yaml")]
    named = {name.split()[0] for text in texts for name in commands(text)}
    assert named == {"dev.py", "infra/hooks/subscribe.py"}
    assert all((ROOT / name).exists() for name in named)


def test_azd_deploys_the_package_and_subscribes_afterwards() -> None:
    found = read(ROOT / "azure.yaml")
    (service,) = found["services"].values()
    assert (service["project"], service["host"], service["remoteBuild"]) == (
        "build/package",
        "function",
        False,
    )
    assert list(found["services"]) == ["app"]  # the tag azd-service-name in app/host.bicep
    assert "'azd-service-name': 'app'" in (ROOT / "infra" / "app" / "host.bicep").read_text("utf-8")
    assert found["hooks"]["prepackage"]["posix"]["run"] == "python3 dev.py package"
    assert found["hooks"]["postdeploy"]["posix"]["run"] == "python3 infra/hooks/subscribe.py"


def test_dependabot_looks_where_pins_are() -> None:
    for one in read(ROOT / ".github" / "dependabot.yml")["updates"]:
        assert (ROOT / one["directory"].strip("/")).is_dir()


def test_docs_name_every_choice_of_the_parameters_file() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    given = (ROOT / "infra" / "main.parameters.json").read_text("utf-8")
    for name in re.findall(r"\$\{(DROPTUNE_[A-Z_]+)", given):
        assert name in text, name
