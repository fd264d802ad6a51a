"""MLflow 3's logged models: a model's files and its facts before it is registered.

Their files lie among the artifacts of the run that logged them, under the model's name: so they are found
where MLflow 2 puts them, and `azureml://jobs/RUN/outputs/artifacts/paths/NAME` leads to them.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from local.azureml.clock import millis, parse
from local.azureml.mlflow_errors import missing, name_in, pairs, texts, wanted
from local.azureml.places import artifacts_path
from local.azureml.records import LoggedModel

if TYPE_CHECKING:
    from local.azureml.clock import Clock
    from local.azureml.state import Store

Json = dict[str, Any]


class LoggedModels:
    """Makes, changes and finds them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Keep them in `store`."""
        self._store = store
        self._clock = clock

    def create(self, asked: Json) -> Json:
        """Begin one; its files come by the artifacts' routes."""
        identity = f"m-{uuid.uuid4().hex}"
        model = LoggedModel(
            id=identity,
            name=str(asked.get("name") or identity),
            experiment=wanted(asked, "experiment_id"),
            run=str(asked.get("source_run_id") or ""),
            kind=str(asked.get("model_type") or ""),
            created=self._clock.stamp(),
            tags=texts(asked.get("tags")),
            params=texts(asked.get("params")),
        )
        self._store.put(identity, model)
        return {"model": _shown(model)}

    def get(self, asked: Json) -> Json:
        """Return one."""
        return {"model": _shown(self.find(wanted(asked, "model_id")))}

    def find(self, identity: str) -> LoggedModel:
        """Return one.

        Raises:
            AzureError: 404.

        """
        found = self._store.get(LoggedModel, identity)
        if found is None:
            raise missing(f"Logged model '{identity}'")
        return found

    def finish(self, asked: Json) -> Json:
        """Write down that its files are there, or will never be."""
        status = str(asked.get("status") or "LOGGED_MODEL_READY")
        return self._change(asked, lambda model: replace(model, status=status))

    def log_params(self, asked: Json) -> Json:
        """Add parameters."""
        params = texts(asked.get("params"))
        self._change(asked, lambda model: replace(model, params={**model.params, **params}))
        return {}

    def set_tags(self, asked: Json) -> Json:
        """Add tags."""
        tags = texts(asked.get("tags"))
        return self._change(asked, lambda model: replace(model, tags={**model.tags, **tags}))

    def search(self, asked: Json) -> Json:
        """Return those of the experiments asked for, newest first; filters by name alone."""
        experiments, name = set(asked.get("experiment_ids") or []), name_in(asked)
        found = [
            model
            for model in reversed(self._store.all(LoggedModel))
            if model.experiment in experiments and name in (None, model.name)
        ]
        return {"models": [_shown(model) for model in found]}

    def _change(self, asked: Json, how: Any) -> Json:  # noqa: ANN401 - a function of one record
        identity = wanted(asked, "model_id")
        self.find(identity)
        changed = self._store.change(LoggedModel, identity, how)
        return {"model": _shown(changed)} if changed else {}


def place(model: LoggedModel) -> str:
    """Return where the model's files lie in the artifact store."""
    return f"{artifacts_path(model.run or model.id)}/{model.name}"


def _shown(model: LoggedModel) -> Json:
    moment = millis(parse(model.created))
    info = {
        "model_id": model.id,
        "experiment_id": model.experiment,
        "name": model.name,
        "creation_timestamp_ms": moment,
        "last_updated_timestamp_ms": moment,
        "artifact_uri": f"mlflow-artifacts:/{place(model)}",
        "status": model.status,
        "model_type": model.kind,
        "source_run_id": model.run,
        "tags": pairs(model.tags),
    }
    return {"info": info, "data": {"params": pairs(model.params), "metrics": []}}
