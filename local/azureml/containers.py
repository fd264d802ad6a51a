"""What a deployment's container would run: the trainer's chat server, or a user's own model or script."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from local.azureml import noop, sandbox
from local.azureml.errors import bad_request
from local.azureml.guarded import Guarded

if TYPE_CHECKING:
    from local.azureml.assets import Assets
    from local.azureml.codes import Codes
    from local.azureml.identity import Issuer
    from local.azureml.models import ModelFolders
    from local.azureml.nursery import Nursery
    from local.azureml.records import Deployment
    from local.azureml.settings import Settings

SCORER = Path(__file__).with_name("scorer.py")
_CODE = re.compile(r".*/workspaces/[^/]+/codes/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_LOADER = re.compile(r"^\s+loader_module:\s*(?P<name>\S+)", re.MULTILINE)
_TRAINERS = "mlflow.transformers"
HOST = "127.0.0.1"


class Process(Protocol):
    """A server's process, whoever started it."""

    pid: int | None
    exit: int | None

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether it has ended, waiting up to `seconds` for it."""

    def stop(self) -> None:
        """Ask for its end; returns at once."""


class Served(NamedTuple):
    """What a server is started on: its model, its script, the folder of its logs, its port."""

    model: Path | None
    script: Path | None
    folder: Path
    port: int


@dataclass(frozen=True)
class Containers:
    """Starts what deployments run."""

    settings: Settings
    issuer: Issuer
    nursery: Nursery
    models: ModelFolders
    assets: Assets
    codes: Codes

    def start(self, deployment: Deployment, folder: Path) -> tuple[Process, str]:
        """Bring model and code onto this machine and start the server; its logs go to `folder`.

        Returns the process and the address where it will answer.

        Raises:
            AzureError: model or code is not there.
            BlobFailure: Blob Storage refused.

        """
        storage = folder / "storage.txt"
        model = self.models.fetch(deployment.key, storage) if deployment.body.get("model") else None
        script = self._script(deployment, folder)
        if model is not None and script is None and self.settings.noop and _loader(model) == noop.LOADER:
            return noop.Standing(), noop.address(self.settings)
        port = _free_port()
        return self._process(deployment, Served(model, script, folder, port)), f"http://{HOST}:{port}"

    def _process(self, deployment: Deployment, served: Served) -> Process:
        model, script, folder, port = served
        log = folder / "InferenceServer.txt"
        spec = folder / "spec.json"
        content = {"model": str(model), "host": HOST, "port": port, "name": deployment.key}
        spec.write_text(json.dumps({**content, "script": str(script) if script else None}), "utf-8")
        if script is None and model is not None and _loader(model) in (None, _TRAINERS):
            return self.nursery.start("serve", spec, log)
        env = {**sandbox.machine(self.settings.python), **sandbox.workspace(self.settings, self.issuer)}
        env["AZUREML_MODEL_DIR"] = str(model.parent if model else folder)
        env["AZUREML_ENTRY_SCRIPT"] = script.name if script else ""
        env |= {str(k): str(v) for k, v in (deployment.body.get("environmentVariables") or {}).items()}
        where = script.parent if script else folder
        return Guarded([str(self.settings.python), "-P", str(SCORER), str(spec)], where, env, log)

    def _script(self, deployment: Deployment, folder: Path) -> Path | None:
        """Download the deployment's code and return its scoring script; None where it has none."""
        asked = deployment.body.get("codeConfiguration") or {}
        if not asked:
            return None
        match = _CODE.fullmatch(str(asked.get("codeId")))
        if match is None:
            raise bad_request(f"'{asked.get('codeId')}' is no code's id.")
        uri = str(self.assets.find("code", match["name"], match["version"]).body["codeUri"])
        code = folder / f"code-{deployment.turn}"
        self.codes.fetch(uri, code)
        script = code / str(asked.get("scoringScript"))
        if not script.is_file():
            raise bad_request(f"The code has no scoring script {asked.get('scoringScript')}.")
        return script


def _loader(model: Path) -> str | None:
    """Return what an MLflow model says that loads it; None where it does not say."""
    about = model / "MLmodel"
    found = _LOADER.search(about.read_text("utf-8")) if about.is_file() else None
    return found["name"] if found else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
