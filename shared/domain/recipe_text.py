"""From a recipe's plain values to a Recipe: every fault named with the path of its field."""

from __future__ import annotations

import difflib
import json
import math
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from shared.domain import quiet
from shared.domain.errors import Problem, Rejected
from shared.domain.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def schema() -> dict[str, Any]:
    """Give the published JSON Schema of a recipe, for editors and for `read`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Droptune recipe",
    } | msgspec.json.schema(Recipe)


def read(values: object, path: str) -> Recipe:
    """Build a recipe from plain values; an empty file is all defaults. path: where it lies, for people.

    Raises Rejected naming the path of each wrong field, with the nearest known name.
    """
    values = {} if values is None else values
    faults = list(_faults(values)) or list(_unkept(values, "")) or list(_between(values))
    if faults:
        raise invalid(path, "; ".join(faults))
    try:
        found = msgspec.convert(values, Recipe)
        msgspec.json.encode(found)  # as the ledger keeps it: what holds itself raises RecursionError here
    except msgspec.ValidationError as wrong:
        raise invalid(path, str(wrong)) from wrong
    if found.cost.quiet_hours is not None:
        try:
            quiet.read(found.cost.quiet_hours)
        except ValueError as wrong:
            raise invalid(path, f"cost.quiet_hours: {wrong}") from wrong
    return found


def path_of(name: str) -> str:
    """Tell where a recipe of this name lies: in the container, and in a checkout."""
    return f"recipes/{name}.yaml"


def invalid(path: str, what: str, line: int | None = None) -> Rejected:
    """Say what is wrong with a recipe, in which line where one is known, and how to look again."""
    where = path if line is None else f"{path}, line {line}"
    again = f"Mend the file and check it: droptune recipe check {path}"
    return Rejected("recipe-invalid", f"{where}: {what}.", again)


def missing(name: str, known: Iterable[str]) -> Problem:
    """Say that no recipe has this name, and which one comes nearest."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return Problem(
        "recipe-missing",
        f"There is no recipe {name!r}; a drop's folder names its recipe.{hint}",
        f"Put recipes/{name}.yaml in place, or drop again: droptune drop FILE --recipe "
        + (near[0] if near else "RECIPE"),
    )


@cache
def _validator() -> Any:  # noqa: ANN401 - jsonschema's validator has no useful public type here
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema())


def _faults(values: object) -> Iterable[str]:
    for error in _validator().iter_errors(values):
        path = ".".join(str(part) for part in error.absolute_path) or "the recipe"
        if error.validator == "additionalProperties":
            yield from _unknown(error.instance, error.schema["properties"], path)
        else:
            yield f"{path}: {_said(error)}"


def _unkept(value: object, path: str) -> Iterator[str]:
    """Find what the ledger's JSON cannot keep: `.nan`, `.inf`, a key that is no text."""
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{path}: found {value}, expected a finite number"
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        below = f"{path}.{key}".removeprefix(".")
        if isinstance(value, dict) and not isinstance(key, str):
            yield f"{below}: found {key!r} as a key, expected text: put it in quotes"
        yield from _unkept(part, below)


def _between(values: object) -> Iterable[str]:
    """Find what no single field shows; called where each is right by itself."""
    evaluation = values.get("evaluation") if isinstance(values, dict) else None
    for place, prompt in enumerate((evaluation or {}).get("prompts", [])):
        for pattern in prompt.get("matches", []):
            try:
                re.compile(pattern)
            except re.error as error:
                yield f"evaluation.prompts.{place}.matches: {pattern!r} is no regular expression: {error}"
    serving = values.get("serving") if isinstance(values, dict) else None
    steps = serving.get("rollout", []) if isinstance(serving, dict) else []
    given = serving if isinstance(serving, dict) else {}
    if (given.get("strategy"), given.get("endpoint")) == ("replace", "per_run"):
        yield "serving.strategy: replace is of one endpoint, and serving.endpoint is per_run"
    if list(steps) != sorted(set(steps)):
        yield f"serving.rollout: found {steps}, expected percents that rise from step to step"


def _unknown(found: Mapping[str, object], known: Mapping[str, object], path: str) -> Iterable[str]:
    prefix = "" if path == "the recipe" else path + "."
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            yield f"{prefix}{key}: unknown field" + (f", did you mean {near[0]!r}?" if near else "")


def _said(error: Any) -> str:  # noqa: ANN401
    if error.validator == "enum":
        return f"found {error.instance!r}, expected one of {', '.join(map(str, error.validator_value))}"
    if error.validator == "anyOf":
        wanted = " or ".join(
            str(option.get("type", option.get("enum", "?"))) for option in error.validator_value
        )
        return f"found {error.instance!r}, expected {wanted}"
    if error.validator == "type":
        return f"found {error.instance!r}, expected {error.validator_value}"
    return str(error.message)


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))  # noqa: T201 - a program when it is run
