"""The Bicep as data: what `infra/` declares, read with pycep; strings and names look alike in its tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pycep import BicepParser

INFRA = Path(__file__).resolve().parents[2] / "infra"
FILES = tuple(sorted(INFRA.rglob("*.bicep")))


@dataclass(frozen=True)
class Resource:
    file: str
    symbol: str
    type: str
    version: str
    existing: bool
    body: dict[str, Any]
    over: str | None = None
    conditional: bool = False

    @property
    def properties(self) -> dict[str, Any]:
        return dict(self.body.get("properties") or {})

    def __str__(self) -> str:
        return f"{self.file}:{self.symbol}"


@dataclass(frozen=True)
class Module:
    symbol: str
    path: str
    params: dict[str, Any]


@cache
def tree(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = BicepParser().parse(text=path.read_text("utf-8"))
    return found


@cache
def resources() -> tuple[Resource, ...]:
    return tuple(
        resource(path, symbol, one)
        for path in FILES
        for symbol, one in (tree(path).get("resources") or {}).items()
    )


def resource(path: Path, symbol: str, one: dict[str, Any]) -> Resource:
    body, over, conditional = one["config"], None, False
    while "config" in body and ("condition" in body or "loop_type" in body):
        over = body.get("loop_type", {}).get("detail", {}).get("array_name", over)
        conditional = conditional or body.get("condition") is not None
        body = body["config"]
    return Resource(
        path.name, symbol, one["type"], one["api_version"], one["existing"], body, over, conditional
    )


def made(kind: str) -> list[Resource]:
    found = [one for one in resources() if one.type == kind and not one.existing]
    assert found, f"no {kind} is made"
    return found


def names(kind: str) -> set[str]:
    """The names of what is made of one kind, loops over a list of names included."""
    found: set[str] = set()
    for one in made(kind):
        found |= set(variable(one.file, one.over)) if one.over else {one.body["name"]}
    return found


def variable(file: str, name: str) -> Any:
    return tree(path_of(file))["variables"][name]["value"]


def path_of(file: str) -> Path:
    return next(path for path in FILES if path.name == file)


def modules() -> list[Module]:
    found = []
    for symbol, one in tree(INFRA / "main.bicep")["modules"].items():
        body = one["config"]
        body = body["config"] if "condition" in body else body
        found.append(Module(symbol, one["detail"]["path"], body["params"]))
    return found


def word(name: str, text: str) -> int:
    return len(re.findall(rf"\b{re.escape(name)}\b", text))
