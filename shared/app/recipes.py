"""Read the recipe that governs a drop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain import recipe_text
from shared.domain.errors import Missing, Problem, Rejected

if TYPE_CHECKING:
    from shared.domain.recipe import Recipe
    from shared.ports import Recipes

DEFAULT = "default"


def parse(text: bytes, path: str) -> Recipe:
    """Read a recipe's YAML 1.2 text; raises Rejected naming each wrong field, or the line that is no YAML.

    path: where the text lies, for people.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return recipe_text.read(YAML(typ="safe", pure=True).load(text), path)
    except RecursionError as fault:
        raise recipe_text.invalid(path, "it is nested too deep, or holds itself") from fault
    # ValueError: bytes that are no text, a date that no calendar has.
    except (YAMLError, ValueError) as fault:
        mark = getattr(fault, "problem_mark", None)
        raise recipe_text.invalid(path, _wrong(fault), mark.line + 1 if mark else None) from fault


def _wrong(fault: Exception) -> str:
    if isinstance(fault, UnicodeDecodeError):
        return "it is not UTF-8 text"
    said: str | None = getattr(fault, "problem", None) or getattr(fault, "reason", None)
    return said or str(fault)


def find(recipes: Recipes, name: str) -> tuple[Recipe | None, str, Problem | None]:
    """Find a folder's recipe, or `default` for one without: the recipe, its etag, what is wrong with it."""
    for candidate in (name, DEFAULT):
        try:
            text, etag = recipes.read(candidate)
            return parse(text, recipe_text.path_of(candidate)), etag, None
        except Missing:
            continue
        except Rejected as fault:
            return None, etag, fault.problem
    return None, "", recipe_text.missing(name, recipes.names())
