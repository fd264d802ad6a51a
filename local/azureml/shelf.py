"""The registry's models: as they were published, and as the admin API has changed them since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from local.azureml import catalogue
from local.azureml.errors import bad_request, missing

if TYPE_CHECKING:
    from local.azureml.state import Store

Json = dict[str, Any]


class ShelfModel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One version that the admin API has set. `like` is the published one it copies; None leaves a field."""

    like: str | None = None
    is_archived: bool | None = None
    tags: Json | None = None
    system_metadata: Json | None = None
    created: str | None = None


class Shelf:
    """Finds models by name and version."""

    def __init__(self, store: Store) -> None:
        """Keep what is set in `store`; it survives restarts."""
        self._store = store

    def models(self) -> list[Json]:
        """Return all versions, oldest first."""
        found = {_key(model["name"], model["version"]): model for model in catalogue.models()}
        for key in self._store.keys(ShelfModel):
            entry = self._store.get(ShelfModel, key)
            if entry:
                found[key] = _merged(key, entry, found.get(entry.like or key))
        return sorted(found.values(), key=lambda model: str(model["created"]))

    def find(self, name: str, version: str) -> Json:
        """Return one version.

        Raises:
            AzureError: 404.

        """
        for model in self.models():
            if (model["name"], model["version"]) == (name, version):
                return model
        raise missing("model in registry azureml", f"{name}:{version}")

    def put(self, name: str, version: str, wanted: object) -> Json:
        """Change one version, or add one that is `like` another.

        Raises:
            AzureError: 400, when that can't be.

        """
        try:
            entry = msgspec.convert(wanted, ShelfModel)
        except msgspec.ValidationError as error:
            raise bad_request(f"This is no registry model: {error}.") from error
        key, there = _key(name, version), [_key(m["name"], m["version"]) for m in self.models()]
        if (entry.like or key) not in there:
            raise bad_request(f"'like' must be one of {', '.join(there)}; found '{entry.like}'.")
        self._store.put(key, entry)
        return self.find(name, version)

    def reset(self) -> None:
        """Leave the models as they were published."""
        for key in self._store.keys(ShelfModel):
            self._store.delete(ShelfModel, key)


def _merged(key: str, entry: ShelfModel, base: Json | None) -> Json:
    name, _, version = key.partition(":")
    model: Json = {**(base or {}), "name": name, "version": version}
    given = {
        "isArchived": entry.is_archived,
        "tags": entry.tags,
        "system_metadata": entry.system_metadata,
        "created": entry.created,
    }
    return model | {field: value for field, value in given.items() if value is not None}


def _key(name: str, version: str) -> str:
    return f"{name}:{version}"
