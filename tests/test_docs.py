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
from shared.cli.main import COMMANDS, parser
from shared.domain import causes
from shared.domain.preflight.model import TASK
from shared.domain.recipe import Recipe
from shared.domain.run import State

ROOT = Path(__file__).resolve().parent.parent
DECIDE = ("parameters", "training", "serving", "promoting", "gate", "comparing")
DO = ("training", "computing", "evaluation", "sets")
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
    assert parse(block[1].encode(), "docs/recipes.md").data == Recipe().data
    for field in fields_of(Recipe):
        assert f"{field}:" in block[1], field


def fields_of(kind: type) -> list[str]:
    return list(kind.__struct_fields__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_bundled_recipes_are_sound(path: Path) -> None:
    parse(path.read_bytes(), path.stem)


PAGES = sorted(
    path
    for folder in (".", "docs", "infra", "local", "recipes", ".github")
    for path in ((ROOT / folder).glob("*.md") if folder == "." else (ROOT / folder).rglob("*.md"))
)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]*))?\)")


def anchors(path: Path) -> set[str]:
    """The names that GitHub gives a page's headings."""
    heads = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_resolve_to_pages_and_headings(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text("utf-8")):
        path = page.parent / target if target else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), f"{target}#{anchor}"


def test_every_page_is_led_to() -> None:
    """From the README, by whatever way."""
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        found = [
            (page.parent / target).resolve() for target, _ in LINK.findall(page.read_text("utf-8")) if target
        ]
        todo += [one / "README.md" if one.is_dir() else one for one in found if one.suffix in {".md", ""}]
        todo = [one for one in todo if one.is_file() and one.suffix == ".md"]
    left = {path.name for path in (ROOT / "docs").rglob("*.md")} - {path.name for path in seen}
    assert left == set()


def test_every_command_s_options_are_in_the_readme_or_a_page() -> None:
    text = "\n".join(path.read_text("utf-8") for path in PAGES)
    for action in parser()._subparsers._group_actions[0].choices.values():  # type: ignore[union-attr]
        for option in action._option_string_actions:
            if option.startswith("--") and option != "--help":
                assert option in text, f"{action.prog} {option}"


def test_the_bundled_prices_are_dated() -> None:
    assert re.fullmatch(r"\d{4}-\d\d", bundled()["as_of"])


def test_a_settings_record_has_no_field_without_a_meaning() -> None:
    assert {field.name for field in fields(settings.Settings)} == {
        "storage",
        "azureml",
        "timing",
        "installation",
        "prices_url",
        "metrics_url",
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
    rooms += [domain / f"{name}.py" for name in DECIDE]
    rooms += [
        ROOT / "shared" / "app" / f"{name}.py"
        for name in ("training", "computing", "evaluation", "serving", "sets")
    ]
    azureml = ROOT / "shared" / "adapters" / "azureml"
    rooms += [azureml / f"{name}.py" for name in ("models", "jobs", "computes")]
    text = "\n".join(path.read_text("utf-8") for path in rooms)
    said = re.findall(r'"((?!azureml-)[a-z][a-z0-9]*(?:-[a-z0-9]+)+)"', text)
    kinds = [cause.code for cause in (*causes.ORDER, causes.UNKNOWN)]
    codes = {*said, *(f"{what}-{kind}" for what in ("job", "deployment") for kind in kinds)} - {TASK}
    first_cells = re.findall(r"^\|([^|]*)\|", DOCS["training.md"], re.MULTILINE)
    assert codes == set(re.findall(r"`([a-z0-9-]+)`", "".join(first_cells)))
