"""Fakes of the ports Jobs and Models."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from shared.domain.base_model import Catalogue, ResolvedModel
from shared.domain.errors import AlreadyThere, Changed, Misconfigured, Missing, Permanent, Rejected
from shared.domain.tags import SPEC
from shared.ports import Failure, Job, JobSpec, ModelVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tests.fakes.faults import Faults

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
PIPELINE = "chat_completion_pipeline"
COMPUTES = tuple(f"compute_{step}" for step in ("model_import", "preprocess", "finetune", "model_evaluation"))
TYPES = tuple(
    f"instance_type_{step}" for step in ("model_import", "preprocess", "finetune", "model_evaluation")
)
YES = {"type": "string", "enum": ["true", "false"], "optional": True}
INPUTS: Mapping[str, Mapping[str, Any]] = {
    "mlflow_model_path": {"type": "mlflow_model", "optional": True},
    **{
        f"{part}_file_path": {"type": "uri_file", "optional": True}
        for part in ("train", "validation", "test")
    },
    **{name: {"type": "string", "optional": True} for name in (*COMPUTES, *TYPES)},
    "num_train_epochs": {"type": "integer", "min": 1, "default": 1, "optional": True},
    "per_device_train_batch_size": {"type": "integer", "min": 1, "default": 1, "optional": True},
    "per_device_eval_batch_size": {"type": "integer", "min": 1, "default": 1, "optional": True},
    "learning_rate": {"type": "number", "min": 0, "default": 2e-5, "optional": True},
    "lr_scheduler_type": {"type": "string", "enum": ["linear", "cosine", "constant"], "optional": True},
    "number_of_gpu_to_use_finetuning": {"type": "integer", "min": 1, "default": 1, "optional": True},
    "num_nodes_finetune": {"type": "integer", "min": 1, "default": 1, "optional": True},
    "gradient_accumulation_steps": {"type": "integer", "default": 1, "optional": True},
    "evaluation_strategy": {"type": "string", "enum": ["epoch", "steps", "disable"], "optional": True},
    "max_seq_length": {"type": "integer", "default": 8192, "optional": True},
    "seed": {"type": "integer", "default": 42, "optional": True},
    "deepspeed_stage": {"type": "string", "enum": ["2", "3"], "default": "2", "optional": True},
    "apply_lora": YES,
    "apply_deepspeed": YES,
    "task_name": {"type": "string", "enum": ["ChatCompletion"], "default": "ChatCompletion"},
}


GPUS = ("Standard_NC24ads_A100_v4", "Standard_NC48ads_A100_v4", "Standard_NC16as_T4_v3")
KNOWN = Catalogue(finetune_sizes=GPUS, inference_sizes=GPUS, tasks=("chat-completion",))


@dataclass(frozen=True)
class _Kept:
    spec: JobSpec
    job: Job
    metrics: Mapping[str, float]
    failure: Failure = field(default_factory=Failure)
    curves: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    compared: Mapping[str, Mapping[int, float]] = field(default_factory=dict)


class FakeJobs:
    """Jobs that run until a test ends them."""

    def __init__(self, faults: Faults, now: Callable[[], datetime]) -> None:
        self._faults, self._now = faults, now
        self._jobs: dict[str, _Kept] = {}
        self._held: set[str] = set()

    # The port.

    def find(self, name: str) -> Job:
        with self._faults.call("jobs.find"):
            kept = self._get(name)
            if kept.job.status == "cancelrequested" and name not in self._held:
                self._set(name, status="canceled")
            return kept.job

    def newest(self, limit: int) -> Sequence[Job]:
        with self._faults.call("jobs.newest"):
            return [kept.job for kept in reversed(self._jobs.values())][:limit]

    def submit(self, spec: JobSpec) -> Job:
        with self._faults.call("jobs.submit"):
            if "/" in spec.name:
                raise Permanent("job-name", f"{spec.name!r} cannot name a job.", "Rename it.")
            known = self._jobs.get(spec.name)
            if known is None:
                tags = {**spec.tags, SPEC: spec.digest()}
                url = f"https://ml.azure.com/runs/{spec.name}"
                job = Job(spec.name, "running", tags, url, started=self._now())
                self._jobs[spec.name] = known = _Kept(spec, job, {})
            if known.spec.digest() != spec.digest():
                raise Changed("job-name-taken", f"Another job is named {spec.name}.")
            return known.job

    def cancel(self, name: str) -> None:
        with self._faults.call("jobs.cancel"):
            if not self._get(name).job.over:
                self._set(name, status="cancelrequested")

    def metrics(self, name: str) -> Mapping[str, float]:
        with self._faults.call("jobs.metrics"):
            return self._get(name).metrics

    def curves(self, name: str) -> Mapping[str, Sequence[tuple[int, float]]]:
        with self._faults.call("jobs.curves"):
            return self._get(name).curves

    def tokens(self, name: str) -> Mapping[str, int]:
        with self._faults.call("jobs.tokens"):
            ended = self._get(name).job.status == "completed"
            return {"training": 1200, "assistant": 800} if ended else {}

    def compared(self, name: str) -> Mapping[str, Mapping[int, float]]:
        with self._faults.call("jobs.compared"):
            return self._get(name).compared

    def failure(self, name: str) -> Failure:
        with self._faults.call("jobs.failure"):
            kept = self._jobs.get(name)
            return kept.failure if kept else Failure()

    # For tests.

    @property
    def names(self) -> list[str]:
        return list(self._jobs)

    def kept(self) -> list[Job]:
        """Give every job as it is, without a look that changes or fails anything."""
        return [kept.job for kept in self._jobs.values()]

    def spec(self, name: str) -> JobSpec:
        return self._get(name).spec

    def hold(self, name: str) -> None:
        """Let a job that is to be cancelled go on and on, until it is released."""
        self._held.add(name)

    def release(self, name: str) -> None:
        self._held.discard(name)

    def finish(
        self,
        name: str,
        metrics: Mapping[str, float] | None = None,
        curves: Mapping[str, Sequence[tuple[int, float]]] | None = None,
        compared: Mapping[str, Mapping[int, float]] | None = None,
    ) -> None:
        self._set(name, status="completed")
        figures = {"loss": 1.0, "eval_loss": 1.0} if metrics is None else dict(metrics)
        drawn = {"loss": [(10, 2.0), (20, 1.0)], "eval_loss": [(20, 1.0)]} if curves is None else curves
        kept = replace(self._get(name), metrics=figures, curves=drawn, compared=compared or {})
        self._jobs[name] = kept

    def fail(
        self, name: str, error: str = "UserError: it went wrong", log: str = "", step: str | None = None
    ) -> None:
        self._set(name, status="failed", error=error)
        self._jobs[name] = replace(self._get(name), failure=Failure(step, error, log[-2000:]))

    def retag(self, name: str, tags: Mapping[str, str]) -> None:
        """Give a job other tags, as a person does in the studio."""
        self._set(name, tags={**self._get(name).job.tags, **tags})

    def status(self, name: str, status: str) -> None:
        self._set(name, status=status)

    def completed(self, name: str) -> bool:
        return name in self._jobs and self._jobs[name].job.status == "completed"

    def _get(self, name: str) -> _Kept:
        if name not in self._jobs:
            raise Missing("azureml-missing", f"The job {name} does not exist.")
        return self._jobs[name]

    def _set(self, name: str, **changes: Any) -> None:
        kept = self._get(name)
        self._jobs[name] = replace(kept, job=replace(kept.job, **changes))


def base_model(
    name: str, version: str, defaults: Mapping[str, Any], known: Catalogue | None = KNOWN
) -> ResolvedModel:
    """Make a registry model as `resolve` returns it."""
    tags = {"task": "chat-completion", "model_specific_defaults": repr(dict(defaults))}
    identity = f"azureml://registries/azureml/models/{name}/versions/{version}"
    return ResolvedModel(identity, name, version, tags, dict(defaults), known)


class FakeModels:
    """A registry with two base models, and the workspace's models."""

    def __init__(self, faults: Faults, jobs: FakeJobs) -> None:
        self._faults, self._jobs = faults, jobs
        self._versions: dict[tuple[str, str], ModelVersion] = {}
        self.base_models = [
            base_model("Phi-4", "8", {"learning_rate": 5e-6}),
            base_model("Phi-3-mini-4k-instruct", "14", {"apply_lora": "true", "precision": 16}),
        ]

    def resolve(self, name: str, registry: str, version: str) -> ResolvedModel:
        with self._faults.call("models.resolve"):
            named = [m for m in self.base_models if m.name == name and registry == "azureml"]
            found = [m for m in named if version in {"latest", m.version}]
            if not found:
                raise Rejected("base-model-missing", f"{registry} has no {name}:{version}.", "Name another.")
            return found[-1]

    def component(self, name: str, registry: str) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
        with self._faults.call("models.component"):
            if (name, registry) != (PIPELINE, "azureml"):
                raise Misconfigured("component-missing", f"{registry} has no component {name}.", "Mend it.")
            return f"azureml://registries/azureml/components/{name}/versions/0.0.82", INPUTS

    def find(self, name: str, version: str) -> ModelVersion:
        with self._faults.call("models.find"):
            return self._get(name, version)

    def delete(self, name: str, version: str) -> None:
        with self._faults.call("models.delete"):
            self._versions.pop((name, version), None)

    def register(self, model: ModelVersion, path: str, description: str) -> ModelVersion:  # noqa: ARG002
        with self._faults.call("models.register"):
            key = (model.name, model.version)
            if key in self._versions:
                raise AlreadyThere("azureml-exists", f"The model {model.name}:{model.version} exists.")
            job = path.removeprefix("azureml://jobs/").removesuffix("/outputs/trained_model")
            if not self._jobs.completed(job):
                raise Permanent("azureml-refused", f"There is no model at {path}.")
            identity = f"{WORKSPACE}/models/{model.name}/versions/{model.version}"
            self._versions[key] = replace(model, id=identity, tags=dict(model.tags))
            return self._versions[key]

    # For tests.

    def put(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Register a version that somebody else made."""
        identity = f"{WORKSPACE}/models/{name}/versions/{version}"
        self._versions[name, version] = ModelVersion(name, version, tags, identity)

    @property
    def versions(self) -> list[ModelVersion]:
        return list(self._versions.values())

    def _get(self, name: str, version: str) -> ModelVersion:
        if (name, version) not in self._versions:
            raise Missing("azureml-missing", f"The model {name}:{version} does not exist.")
        return self._versions[name, version]
