"""What the docs say exists, exists; what exists, the docs say."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from shared import settings
from shared.adapters.prices import bundled
from shared.app.recipes import parse
from shared.cli.main import COMMANDS
from shared.domain import causes
from shared.domain.preflight.model import TASK
from shared.domain.recipe import Recipe
from shared.domain.run import State

ROOT = Path(__file__).resolve().parent.parent
DOCS = {path.name: path.read_text("utf-8") for path in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]}


def test_every_call_to_azure_has_its_role() -> None:
    """A port's adapter is known by its docstring; infra/ gives what docs/roles.md says (tests/infra)."""
    calls = {
        f"{node.name}.{method.name}"
        for path in (ROOT / "shared" / "adapters").rglob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and "`shared.ports." in (ast.get_docstring(node) or "")
        for method in node.body
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
    }
    assert len(calls) > 40
    told = set(re.findall(r"`([A-Z]\w+\.[a-z]\w*)`", DOCS["roles.md"]))
    assert calls == told, "docs/roles.md: name each call in the row of the role that it needs"


def test_every_command_is_documented() -> None:
    for command in COMMANDS:
        assert f"droptune {command}" in DOCS["README.md"], command


def test_every_rule_of_the_sweep_is_documented() -> None:
    code = (ROOT / "shared" / "domain" / "sweep_rules.py").read_text("utf-8")
    rules = set(re.findall(r'Ruling\(\s*(?:KEPT|TAKEN|TOLD), "([a-z-]+)"', code))
    listed = set(re.findall(r"^\| ([a-z-]+) \|", DOCS["sweep.md"], re.MULTILINE)) - {"rule"}
    assert rules == listed


def test_every_state_is_documented() -> None:
    for state in State:
        assert str(state) in DOCS["architecture.md"], state


def test_the_recipe_page_shows_the_defaults() -> None:
    block = re.search(r"```yaml\n(.*?)```", DOCS["recipes.md"], re.DOTALL)
    assert block is not None
    assert parse(block[1].encode(), "shown").data == Recipe().data
    for field in fields_of(Recipe):
        assert f"{field}:" in block[1], field


def fields_of(kind: type) -> list[str]:
    return list(kind.__struct_fields__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_bundled_recipes_are_sound(path: Path) -> None:
    parse(path.read_bytes(), path.stem)


def test_links_resolve() -> None:
    for name, text in DOCS.items():
        folder = ROOT if name == "README.md" else ROOT / "docs"
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            if not target.startswith("http"):
                assert (folder / target).exists(), f"{name}: {target}"


def test_the_bundled_prices_are_dated() -> None:
    assert re.fullmatch(r"\d{4}-\d\d", bundled()["as_of"])


def test_a_settings_record_has_no_field_without_a_meaning() -> None:
    assert {field.name for field in fields(settings.Settings)} == {
        "storage",
        "azureml",
        "timing",
        "installation",
        "prices_url",
        "events_url",
        "events_key",
        "limits",
        "parts",
        "component",
    }


def test_every_rule_and_code_of_the_rollout_is_documented() -> None:
    domain = ROOT / "shared" / "domain"
    rules = re.findall(
        r'Verdict\(\s*(?:"\w+"[^,]*|word|\S+), "([a-z-]+)"', (domain / "rollout.py").read_text("utf-8")
    )
    codes = re.findall(r'"(rollout-[a-z-]+)"', (domain / "holding.py").read_text("utf-8"))
    assert len(set(rules)) == 7
    assert len(set(codes)) == 2
    assert {name for name in {*rules, *codes} if f"`{name}`" not in DOCS["rollout.md"]} == set()


def test_every_code_of_training_and_serving_is_documented() -> None:
    domain = ROOT / "shared" / "domain"
    rooms = [*(domain / "preflight").glob("*.py")]
    rooms += [domain / f"{name}.py" for name in ("parameters", "training", "serving", "promoting", "gate")]
    rooms += [ROOT / "shared" / "app" / f"{name}.py" for name in ("training", "computing", "evaluation")]
    azureml = ROOT / "shared" / "adapters" / "azureml"
    rooms += [azureml / f"{name}.py" for name in ("models", "jobs", "computes")]
    text = "\n".join(path.read_text("utf-8") for path in rooms)
    said = re.findall(r'"((?!azureml-)[a-z][a-z0-9]*(?:-[a-z0-9]+)+)"', text)
    kinds = [cause.code for cause in (*causes.ORDER, causes.UNKNOWN)]
    codes = {*said, *(f"{what}-{kind}" for what in ("job", "deployment") for kind in kinds)} - {TASK}
    first_cells = re.findall(r"^\|([^|]*)\|", DOCS["training.md"], re.MULTILINE)
    assert codes == set(re.findall(r"`([a-z0-9-]+)`", "".join(first_cells)))
