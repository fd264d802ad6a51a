"""What commands need of the workspace: their plans, their code, their inputs, a place for their outputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.azureml import catalogue, command_plan, graph, sandbox, submission
from local.azureml.bindings import LITERAL, Given, Wire
from local.azureml.command_plan import CommandPlan
from local.azureml.errors import bad_request, unsupported
from local.azureml.kinds import DATA, MODEL
from local.azureml.places import ARTIFACT_STORE, artifacts_path

if TYPE_CHECKING:
    from local.azureml.assets import Assets
    from local.azureml.codes import Codes
    from local.azureml.command_plan import Wanted
    from local.azureml.datastores import Datastores
    from local.azureml.identity import Issuer
    from local.azureml.records import Job
    from local.azureml.settings import Settings
    from local.azureml.sources import Sources
    from local.azureml.submission import Plan

Json = dict[str, Any]

_COMPONENT = re.compile(r".*/workspaces/[^/]+/components/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_CODE = re.compile(r".*/workspaces/[^/]+/codes/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_ENVIRONMENT = re.compile(r".*/workspaces/[^/]+/environments/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_REGISTRY = "azureml://registries/"
_DIRECT = "direct"
_MODELS = ("mlflow_model", "custom_model", "triton_model")


@dataclass(frozen=True)
class Bench:
    """Plans jobs of any kind, and lays out and puts away what their commands use."""

    settings: Settings
    issuer: Issuer
    sources: Sources
    datastores: Datastores
    assets: Assets
    codes: Codes

    def plans(self, body: Json) -> list[Plan | CommandPlan]:
        """Return a job's nodes in the order in which they run.

        Raises:
            AzureError: 400 naming every fault found, 404 for what is not there, 501 for what can't run here.

        """
        kind = body.get("jobType")
        if kind == "Command":
            return [command_plan.of_job(body)]
        if kind != "Pipeline":
            raise unsupported(f"job of type {kind}; only Command and Pipeline")
        leaves = graph.leaves(body, self)
        wires = {value for leaf in leaves for value in leaf.inputs.values() if isinstance(value, Wire)}
        return [self._plan(leaf, wires) for leaf in leaves]

    def _plan(self, leaf: graph.Leaf, wires: set[Wire]) -> Plan | CommandPlan:
        if leaf.node.get("type") == "pipeline":
            known = catalogue.components(noop=self.settings.noop)
            return submission.plan(leaf, known, {wire.output for wire in wires if wire.leaf == leaf.path})
        identity = str(leaf.node.get("componentId"))
        spec = self.spec(identity)
        if spec is None:
            raise unsupported(f"component '{identity}' as a command")
        return command_plan.of_node(leaf, spec)

    def spec(self, identity: str) -> Json | None:
        """Return a workspace component's specification; None for one of the registry."""
        match = _COMPONENT.fullmatch(identity)
        if match is None:
            return None
        asset = self.assets.find("component", match["name"], match["version"])
        found: Json = asset.body["componentSpec"]
        return found

    def check(self, plan: Plan | CommandPlan) -> None:
        """Refuse what can be seen to be wrong before anything runs.

        Raises:
            AzureError: 400, 404, or 501 for what this emulator can't use.

        """
        if not isinstance(plan, CommandPlan):
            self.sources.check(plan)
            return
        if plan.compute:
            self.sources.check_compute(plan.compute)
        if plan.code:
            self._code(plan.code)
        self._check_environment(plan.environment or "")
        for value in plan.inputs.values():
            if isinstance(value, Given) and value.type != LITERAL:
                self.sources.check_place(value.text)
        for wanted in plan.outputs.values():
            if wanted.uri:
                self.datastores.spot(wanted.uri)

    def _check_environment(self, identity: str) -> None:
        match = _ENVIRONMENT.fullmatch(identity)
        if match:
            self.assets.find("environment", match["name"], match["version"])
        elif identity and not identity.startswith(_REGISTRY):
            raise bad_request(f"'{identity}' is no environment's id.")

    def _code(self, identity: str) -> str:
        match = _CODE.fullmatch(identity)
        if match is None:
            raise bad_request(f"'{identity}' is no code's id.")
        return str(self.assets.find("code", match["name"], match["version"]).body["codeUri"])

    def fetch_code(self, identity: str, target: Path) -> None:
        """Download the code into `target`.

        Raises:
            AzureError: there is none.
            BlobFailure: Blob Storage refused.

        """
        if self.codes.fetch(self._code(identity), target) == 0:
            raise bad_request(f"The code '{identity}' has no files.", detail="CodeNotFound")

    def inputs(self, job: Job, plan: CommandPlan, root: Path) -> dict[str, str]:
        """Return what each input's name stands for in the command, its files downloaded below `root`.

        Raises:
            AzureError: an input is not there.
            BlobFailure: Blob Storage refused.

        """
        return {name: self._input(job, name, value, root) for name, value in plan.inputs.items()}

    def _input(self, job: Job, name: str, value: Given | Wire, root: Path) -> str:
        if isinstance(value, Wire):
            uri = job.outputs.get(value.key)
            if uri is None:
                raise bad_request(f"Input '{name}' is what node '{value.leaf}' has not put out.")
            return str(self.sources.fetch_any(uri, root / "inputs" / name))
        if value.type == LITERAL:
            return value.text
        if value.mode.lower() == _DIRECT:
            return value.text
        return str(self.sources.fetch_any(value.text, root / "inputs" / name))

    def variables(self, run: str, job: Job) -> dict[str, str]:
        """Return a command's environment, but for its own inputs and outputs."""
        found = {**sandbox.machine(self.settings.python), **sandbox.workspace(self.settings, self.issuer)}
        return {**found, **sandbox.of_run(run, job)}

    def keep_outputs(self, job: Job, run: str, plan: CommandPlan, box: sandbox.Sandbox) -> dict[str, str]:
        """Upload what the command left, and register what is to become an asset; return each output's URI."""
        found = {}
        for name, wanted in plan.outputs.items():
            one_file = wanted.type == "uri_file"
            usual = self.datastores.uri(f"azureml/{run}/{name}" + ("" if one_file else "/"))
            uri = _named(wanted.uri, run, name) if wanted.uri else usual
            if self._keep(Path(box.outputs[name]), uri, one_file=one_file):
                found[name] = uri
                self._register(job, wanted, uri)
        return found

    def _keep(self, source: Path, uri: str, *, one_file: bool) -> bool:
        spot = self.datastores.spot(uri)
        if not one_file:
            self.datastores.store_folder(source, spot)
            return True
        if source.is_file():
            self.datastores.store_file(source, spot)
        return source.is_file()

    def _register(self, job: Job, wanted: Wanted, uri: str) -> None:
        if wanted.asset is None:
            return
        kind = MODEL if wanted.type in _MODELS else DATA
        version = wanted.version or self.assets.next_version(kind.name, wanted.asset)
        place = (
            {"modelUri": uri, "modelType": wanted.type}
            if kind is MODEL
            else {"dataUri": uri, "dataType": wanted.type}
        )
        self.assets.put(kind, wanted.asset, version, {**place, "description": f"Output of job {job.name}"})

    def keep_artifacts(self, run: str, source: Path, folder: str) -> None:
        """Upload a folder of the command's working directory to the run's artifacts, if it is there."""
        if source.is_dir():
            uri = self.datastores.uri(f"{artifacts_path(run)}/{folder}/", ARTIFACT_STORE)
            self.datastores.store_folder(source, self.datastores.spot(uri))


def _named(uri: str, run: str, output: str) -> str:
    """Fill in the two names that a place may leave open."""
    return uri.replace("${{name}}", run).replace("${{output_name}}", output)
