"""Where an asset's files really lie: job outputs, run artifacts and datastore paths, resolved once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from local.azureml.errors import bad_request, missing, unsupported
from local.azureml.records import Job, Step, Tracked

if TYPE_CHECKING:
    from local.azureml.datastores import Datastores, Spot
    from local.azureml.records import Asset
    from local.azureml.state import Store

Json = dict[str, Any]

_JOB_OUTPUT = re.compile(
    r"azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+?)(?:/paths/(?P<path>.*?)/?|/)?"
)
_RUN_ARTIFACT = re.compile(r"runs:/(?P<job>[^/]+)/(?P<path>.+?)/?")
_ARTIFACTS = "artifacts"
ARTIFACT_STORE = "workspaceartifactstore"


def artifacts_path(run: str) -> str:
    """Return where a run's artifacts lie in the artifact store; the SDK's download looks there."""
    return f"ExperimentRun/dcid.{run}"


class Places:
    """Checks new assets' places, and finds them."""

    def __init__(self, store: Store, datastores: Datastores) -> None:
        """Look jobs up in `store`, files in `datastores`."""
        self._store = store
        self._datastores = datastores

    def resolved(self, kind: str, body: Json) -> tuple[Json, str | None]:
        """Return the body with the place its files really lie in, and the job they came from.

        Raises:
            AzureError: 400 or 404, when it lacks what its kind needs, or points at nothing.

        """
        if kind == "model":
            return self._model(body)
        if kind == "data" and not (body.get("dataUri") and body.get("dataType")):
            raise bad_request("Data needs a dataUri and a dataType.")
        if kind == "data" and _JOB_OUTPUT.fullmatch(str(body["dataUri"])):
            uri, job = self.uri(str(body["dataUri"]))
            return {**body, "dataUri": uri}, job
        if kind == "component" and not isinstance(body.get("componentSpec"), dict):
            raise bad_request("A component needs a componentSpec.")
        if kind == "code" and not body.get("codeUri"):
            raise bad_request("Code needs a codeUri.")
        return body, None

    def model_spot(self, asset: Asset) -> Spot:
        """Return where a model's files lie."""
        return self._datastores.spot(str(asset.body["modelUri"]))

    def uri(self, uri: str) -> tuple[str, str | None]:
        """Return the datastore path behind a job's output or artifact, and the job; other URIs as they are.

        Raises:
            AzureError: 400 or 404, when the job has no such output.

        """
        output, artifact = _JOB_OUTPUT.fullmatch(uri), _RUN_ARTIFACT.fullmatch(uri)
        if artifact or (output and output["output"] == _ARTIFACTS):
            match = artifact or output
            job = self._there(match["job"]) if match else ""
            path = f"{artifacts_path(job)}/{(match['path'] if match else '') or ''}"
            return self._datastores.uri(path, ARTIFACT_STORE), job
        if output:
            top = self._output(output["job"], output["output"])
            return f"{top.rstrip('/')}/{output['path']}" if output["path"] else top, output["job"]
        return uri, None

    def _model(self, body: Json) -> tuple[Json, str | None]:
        uri, job = self.uri(str(body.get("modelUri")))
        if uri.startswith("https://"):
            raise unsupported(f"model at '{uri}'; only datastore paths, job outputs and local files")
        spot = self._datastores.spot(uri)
        if not self._datastores.is_folder(spot) and self._datastores.is_file(spot):
            if body.get("modelType") == "mlflow_model":
                raise bad_request(f"{uri} is one file; an MLflow model is a folder.", detail="ModelNotFound")
            return {**body, "modelUri": self._datastores.uri(spot.path, spot.datastore), "flavors": {}}, job
        if body.get("modelType") == "mlflow_model" and not self._datastores.has(spot, "MLmodel"):
            raise bad_request(f"There is no MLflow model at {uri}: no file MLmodel.", detail="ModelNotFound")
        return {**body, "modelUri": self._datastores.uri(spot.folder, spot.datastore), "flavors": {}}, job

    def _there(self, run: str) -> str:
        if not any(self._store.get(kind, run) for kind in (Job, Step, Tracked)):
            raise missing("job", run)
        return run

    def _output(self, name: str, output: str) -> str:
        job = self._store.get(Job, name)
        step = None if job else self._store.get(Step, name)
        found = job or step
        if found is None:
            raise missing("job", name)
        if found.status != "Completed":
            raise bad_request(f"Job '{name}' is {found.status}: its outputs are there once it is Completed.")
        uri = found.outputs.get(output)
        if uri is None:
            has = ", ".join(found.outputs) or "none"
            raise bad_request(f"Job '{name}' has no output '{output}' that holds anything (it has {has}).")
        return uri
