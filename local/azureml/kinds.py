"""The kinds of versioned assets that a workspace keeps: their folder, and what a version never changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind. `fixed`: the properties that a later PUT of the same version must repeat."""

    name: str
    folder: str
    fixed: tuple[str, ...]

    def changed(self, before: Json, after: Json) -> list[str]:
        """Name the fixed properties in which two bodies differ; absent and null are the same."""
        return [field for field in self.fixed if before.get(field) != after.get(field)]


MODEL = Kind("model", "models", ("modelUri", "modelType"))
DATA = Kind("data", "data", ("dataUri", "dataType"))
CODE = Kind("code", "codes", ("codeUri",))
ENVIRONMENT = Kind("environment", "environments", ("image", "condaFile", "build"))
COMPONENT = Kind("component", "components", ("componentSpec",))
KINDS = {kind.name: kind for kind in (MODEL, DATA, CODE, ENVIRONMENT, COMPONENT)}
