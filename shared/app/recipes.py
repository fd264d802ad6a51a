"""Read the recipe that governs a drop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain import recipe_text
from shared.domain.errors import Missing, Problem, Rejected

if TYPE_CHECKING:
    from shared.domain.recipe import Recipe
    from shared.ports import Recipes

DEFAULT = "default"


def parse(text: bytes, name: str) -> Recipe:
    """Read a recipe's YAML 1.2 text; raises Rejected naming each wrong field, or the line that is no YAML."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        values = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, UnicodeDecodeError) as fault:
        mark = getattr(fault, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(fault, "problem", None) or "it is not UTF-8 text"
        help_text = f"Mend the file and check it: droptune recipe check {name}.yaml"
        raise Rejected("recipe-invalid", f"recipes/{name}.yaml{where}: {what}.", help_text) from fault
    return recipe_text.read(values, name)


def find(recipes: Recipes, name: str) -> tuple[Recipe | None, str, Problem | None]:
    """Find a folder's recipe, or `default` for one without: the recipe, its etag, what is wrong with it."""
    for candidate in (name, DEFAULT):
        try:
            text, etag = recipes.read(candidate)
            return parse(text, candidate), etag, None
        except Missing:
            continue
        except Rejected as fault:
            return None, etag, fault.problem
    return None, "", recipe_text.missing(name, recipes.names())
