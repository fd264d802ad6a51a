"""Experiments: each job belongs to one by name, and clients may make them by themselves."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from local.azureml.clock import millis, parse
from local.azureml.mlflow_errors import missing, name_in, pairs, taken, texts, wanted
from local.azureml.records import Experiment, Job

if TYPE_CHECKING:
    from local.azureml.clock import Clock
    from local.azureml.state import Store

Json = dict[str, Any]


def identity_of(name: str) -> str:
    """Return the id of the experiment of that name: the same on every emulator."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


class Experiments:
    """All experiments there are."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Keep those that clients made in `store`; the others are there through their jobs."""
        self._store = store
        self._clock = clock

    def find(self, identity: str) -> Json:
        """Return one as MLflow shows it.

        Raises:
            AzureError: 404.

        """
        found = self._all().get(identity)
        if found is None:
            raise missing(f"Experiment '{identity}'")
        return found

    def by_name(self, asked: Json) -> Json:
        """Return the experiment of that name."""
        name = wanted(asked, "experiment_name")
        found = self._all().get(identity_of(name))
        if found is None:
            raise missing(f"Experiment '{name}'")
        return {"experiment": found}

    def search(self, asked: Json) -> Json:
        """Return all experiments, newest first; filters by name alone."""
        view = asked.get("view_type", "ACTIVE_ONLY")
        found = list(reversed(self._all().values()))
        if view != "ALL":
            stage = "deleted" if view == "DELETED_ONLY" else "active"
            found = [one for one in found if one["lifecycle_stage"] == stage]
        name = name_in(asked)
        found = [one for one in found if name in (None, one["name"])]
        return {"experiments": found[: int(asked.get("max_results") or 1000)]}

    def create(self, asked: Json) -> Json:
        """Make one."""
        name = wanted(asked, "name")
        identity = identity_of(name)
        if identity in self._all():
            raise taken(f"Experiment '{name}'")
        made = Experiment(name=name, created=self._clock.stamp(), tags=texts(asked.get("tags")))
        self._store.put(identity, made)
        return {"experiment_id": identity}

    def set_tag(self, asked: Json) -> Json:
        """Write one tag of an experiment."""
        key, value = wanted(asked, "key"), str(asked.get("value", ""))
        self._change(wanted(asked, "experiment_id"), lambda one: replace(one, tags={**one.tags, key: value}))
        return {}

    def delete(self, asked: Json, *, deleted: bool) -> Json:
        """Hide an experiment, or show it again."""
        self._change(wanted(asked, "experiment_id"), lambda one: replace(one, deleted=deleted))
        return {}

    def _change(self, identity: str, how: Any) -> None:  # noqa: ANN401 - a function of one record
        found = self.find(identity)
        with self._store.transaction():
            if self._store.get(Experiment, identity) is None:
                self._store.put(identity, Experiment(name=found["name"], created=self._clock.stamp()))
            self._store.change(Experiment, identity, how)

    def _all(self) -> dict[str, Json]:
        found = {one.experiment_id: (one.experiment, one.created) for one in self._store.all(Job)}
        made = {identity_of(one.name): one for one in self._store.all(Experiment)}
        found = {**found, **{key: (one.name, one.created) for key, one in made.items()}}
        return {key: _shown(key, *about, made.get(key)) for key, about in found.items()}


def _shown(identity: str, name: str, created: str, made: Experiment | None) -> Json:
    moment = millis(parse(created))
    return {
        "experiment_id": identity,
        "name": name,
        "artifact_location": "",
        "lifecycle_stage": "deleted" if made and made.deleted else "active",
        "creation_time": moment,
        "last_update_time": moment,
        "tags": pairs(made.tags if made else {}),
    }
