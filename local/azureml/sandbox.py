"""A command's surroundings: the places of its inputs and outputs, its text with them in it, its variables."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.azureml.environment import environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.azureml.command_plan import CommandPlan
    from local.azureml.identity import Issuer
    from local.azureml.records import Job
    from local.azureml.settings import Settings

_OPTIONAL = re.compile(r"\$\[\[(?P<text>.*?)\]\]", re.DOTALL)
_REFERENCE = re.compile(r"\$\{\{\s*(?P<kind>inputs|outputs)\.(?P<name>[\w.-]+)\s*\}\}")
_FILE_TYPES = ("uri_file",)
# What a program needs of the machine; nothing else of the emulator's own environment reaches a command.
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "LOGNAME", "SHELL", "TZ", "USER", "SYSTEMROOT", "TRAINER_THREADS")


@dataclass(frozen=True)
class Sandbox:
    """One run's folders. code: where the command starts; inputs, outputs: the text each name stands for."""

    root: Path
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def code(self) -> Path:
        """The folder in which the command starts."""
        return self.root / "code"

    def command(self, text: str) -> str:
        """Put the paths into the command; a `$[[part]]` whose inputs are not given is left out."""
        return _REFERENCE.sub(self._text, _OPTIONAL.sub(self._part, text))

    def _part(self, match: re.Match[str]) -> str:
        wanted = [found for found in _REFERENCE.finditer(match["text"]) if found["kind"] == "inputs"]
        return match["text"] if all(found["name"] in self.inputs for found in wanted) else ""

    def _text(self, match: re.Match[str]) -> str:
        return (self.inputs if match["kind"] == "inputs" else self.outputs)[match["name"]]

    def variables(self) -> dict[str, str]:
        """Return the variables by which a program finds its inputs and outputs without arguments."""
        return {
            **{f"AZURE_ML_INPUT_{name}": text for name, text in self.inputs.items()},
            **{f"AZURE_ML_OUTPUT_{name}": text for name, text in self.outputs.items()},
        }


def output_paths(root: Path, plan: CommandPlan) -> dict[str, str]:
    """Make the places of a command's outputs: a folder each, or the name of a file in one."""
    found = {}
    for name, wanted in plan.outputs.items():
        folder = root / "outputs" / name
        folder.mkdir(parents=True, exist_ok=True)
        found[name] = str(folder / name if wanted.type in _FILE_TYPES else folder)
    return found


def machine(python: Path) -> dict[str, str]:
    """Return what any program gets of this machine; the word `python` means the one given."""
    environ = os.environ  # noqa: TID251 - a child's environment is made out of ours
    kept = {name: environ[name] for name in _PASSED_ON if name in environ}
    bins = str(python.parent)
    return {**kept, "PATH": f"{bins}{os.pathsep}{environ.get('PATH', os.defpath)}", "PYTHONUNBUFFERED": "1"}


def workspace(settings: Settings, issuer: Issuer) -> dict[str, str]:
    """Return the variables with which a program inside a job or deployment reaches this workspace."""
    place, url = settings.place, settings.url
    token, _ = issuer.token(url)
    found = {
        **environment(settings),
        "AZUREML_ARM_SUBSCRIPTION": place.subscription,
        "AZUREML_ARM_RESOURCEGROUP": place.group,
        "AZUREML_ARM_WORKSPACE_NAME": place.workspace,
        "AZUREML_WORKSPACE_NAME": place.workspace,
        "MLFLOW_TRACKING_TOKEN": token,
        "no_proxy": "localhost,127.0.0.1",
    }
    if settings.ca_bundle:
        found["SSL_CERT_FILE"] = str(settings.ca_bundle)
    return found


def of_run(run: str, job: Job) -> dict[str, str]:
    """Return the variables that tell a program which run it is; distributed training finds itself alone."""
    return {
        "AZUREML_RUN_ID": run,
        "AZUREML_ROOT_RUN_ID": job.name,
        "AZUREML_EXPERIMENT_ID": job.experiment_id,
        "AZUREML_ARM_PROJECT_NAME": job.experiment,
        "MLFLOW_RUN_ID": run,
        "MLFLOW_EXPERIMENT_ID": job.experiment_id,
        "MLFLOW_EXPERIMENT_NAME": job.experiment,
        "RANK": "0",
        "LOCAL_RANK": "0",
        "NODE_RANK": "0",
        "WORLD_SIZE": "1",
        "MASTER_ADDR": "127.0.0.1",
    }
