"""The files in `data/`: the component's specification, the registry's models, the sizes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_DATA = Path(__file__).parent / "data"
_MODELS = ("phi-4.8", "phi-3-mini-4k-instruct.14", "phi-3-mini-4k-instruct.15")
REGISTRY = "azureml"
NOOP = "noop"


@dataclass(frozen=True)
class Input:
    """One input of a component: `default` None means none; `enum` empty means anything."""

    name: str
    type: str
    optional: bool
    default: str | None
    enum: tuple[str, ...]
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True)
class Component:
    """A registry component: what it takes and gives, and its steps in order."""

    name: str
    version: str
    spec: Json
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    steps: tuple[str, ...]

    @property
    def id(self) -> str:
        """The component's registry id."""
        return f"azureml://registries/{REGISTRY}/components/{self.name}/versions/{self.version}"


@cache
def components(*, noop: bool) -> tuple[Component, ...]:
    """Return the registry's components. noop: with the one of that name, which is no component of Azure's."""
    raw = _read("chat_completion_pipeline")
    spec = {key: raw[key] for key in ("name", "version", "type", "inputs", "outputs")}
    inputs = tuple(input_of(name, item) for name, item in raw["inputs"].items())
    outputs = tuple(raw["outputs"])
    tunes = Component(raw["name"], raw["version"], spec, inputs, outputs, tuple(raw["steps"]))
    if not noop:
        return (tunes,)
    same = {**spec, "name": NOOP, "version": "0.0.1"}
    return (tunes, Component(NOOP, "0.0.1", same, inputs, outputs, (NOOP,)))


@cache
def models() -> tuple[Json, ...]:
    """Return the registry's models as published, oldest first."""
    return tuple(sorted((_read(name) for name in _MODELS), key=lambda model: str(model["created"])))


@cache
def sizes() -> tuple[Json, ...]:
    """Return the virtual machine sizes that the region offers."""
    return tuple(_read("sizes")["sizes"])


def prices_from() -> str:
    """Return the date from which the prices of `sizes` are in force."""
    return str(_read("sizes")["effective"])


def size(name: str) -> Json | None:
    """Return the size of that name, compared without case."""
    return next((item for item in sizes() if item["name"].lower() == name.lower()), None)


@cache
def _read(name: str) -> Json:
    content: Json = json.loads((_DATA / f"{name}.json").read_text("utf-8"))
    return content


def input_of(name: str, item: Json) -> Input:
    """Return an input as a component's specification describes it; numbers may be text there."""
    default = item.get("default")
    return Input(
        name=name,
        type=item["type"],
        optional=str(item.get("optional", False)).lower() == "true",
        default=None if default is None else str(default),
        enum=tuple(item.get("enum", ())),
        minimum=_number(item.get("min")),
        maximum=_number(item.get("max")),
    )


def _number(value: object) -> float | None:
    try:
        return None if value is None else float(str(value))
    except ValueError:
        return None
