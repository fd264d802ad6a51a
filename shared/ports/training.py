"""Fine-tune jobs and models, in our words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shared.domain.names import short_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.domain.base_model import ResolvedModel


@dataclass(frozen=True)
class CompareStep:
    """A step of our own behind the fine-tune: the losses of its model and of another on the same chats.

    reference: the other model's id; frozen, general: chats, paths within the prepared container; compute,
    instance_type: where it runs.
    """

    reference: str
    frozen: str
    general: str | None
    compute: str
    instance_type: str


@dataclass(frozen=True)
class JobSpec:
    """All that one fine-tune job is made of.

    inputs: the component's inputs by name, values as the component types them (`true` is "true");
    files: input name to path within the prepared container; tags: lineage.
    """

    name: str
    display_name: str
    experiment: str
    component: str
    model_id: str
    inputs: Mapping[str, str | int | float]
    files: Mapping[str, str]
    tags: Mapping[str, str]
    compare: CompareStep | None = None

    def digest(self) -> str:
        """Tell this spec from any other: 16 hex digits; kept in the job's tags."""
        parts = [f"{k}={v}" for m in (self.inputs, self.files) for k, v in sorted(m.items())]
        parts += [f"{k}={v}" for k, v in sorted(vars(self.compare).items())] if self.compare else []
        return short_digest(self.component, self.model_id, *parts, length=16)


@dataclass(frozen=True)
class Job:
    """A job as Azure ML tells it. status: its own words, lower case; url: its page in the studio."""

    name: str
    status: str
    tags: Mapping[str, str]
    url: str | None = None
    error: str | None = None
    started: datetime | None = None

    @property
    def over(self) -> bool:
        """Tell whether it will change no more (Completed, Failed, Canceled)."""
        return self.status in {"completed", "failed", "canceled"}


@dataclass(frozen=True)
class Failure:
    """Where a job failed. step: its name, where one is to blame; log: the end of that step's log."""

    step: str | None = None
    error: str | None = None
    log: str = ""


class Jobs(Protocol):
    """Fine-tune jobs."""

    def find(self, name: str) -> Job:
        """Look at a job; raises Missing."""

    def newest(self, limit: int) -> Sequence[Job]:
        """List the newest jobs of the workspace, ours or not; a failed one's error is left out."""

    def submit(self, spec: JobSpec) -> Job:
        """Make the job; raises Permanent where Azure ML refuses it, Changed where its name is taken."""

    def cancel(self, name: str) -> None:
        """Ask for its end; one that is over stays as it is."""

    def metrics(self, name: str) -> Mapping[str, float]:
        """Read the last value of each metric of the job (root run, else its children)."""

    def curves(self, name: str) -> Mapping[str, Sequence[tuple[int, float]]]:
        """Read losses and learning rate as (step, value), at most 1,000 points each; numbers alone."""

    def tokens(self, name: str) -> Mapping[str, int]:
        """Read how many tokens it learned from, as the job itself counted: `training`, `assistant`."""

    def compared(self, name: str) -> Mapping[str, Mapping[int, float]]:
        """Read what the comparing step measured: losses by chat, under `<set>_<side>`; empty without one."""

    def failure(self, name: str) -> Failure:
        """Find the step that failed, its error and the end of its log, at most 2,000 characters."""


@dataclass(frozen=True)
class ModelVersion:
    """A registered model version."""

    name: str
    version: str
    tags: Mapping[str, str]
    id: str


class Models(Protocol):
    """The base model in its registry, and the workspace's own models."""

    def resolve(self, name: str, registry: str, version: str) -> ResolvedModel:
        """Look a base model up (`latest` too); raises Rejected where it is not there."""

    def component(self, name: str, registry: str) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
        """Give a pipeline component's id and its inputs by name ({type, enum, min, default, optional})."""

    def find(self, name: str, version: str) -> ModelVersion:
        """Look at a model version; raises Missing."""

    def register(self, model: ModelVersion, path: str, description: str) -> ModelVersion:
        """Register an MLflow model from `azureml://jobs/<job>/outputs/trained_model`; id is ignored."""

    def delete(self, name: str, version: str) -> None:
        """Delete a registered version; what is not there is deleted already."""
