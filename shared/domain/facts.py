"""What was found in the world when a run was looked at; only what its state needs is filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from shared.domain.run import ENDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.domain.lane import Lane
    from shared.domain.rollout import Figures
    from shared.domain.run import State
    from shared.domain.smoke import Answer
    from shared.domain.survey import Cluster


@dataclass(frozen=True)
class JobFacts:
    """The run's job. status: Azure ML's, lower case; of a failed one: its error, step and the end of its log.

    changed: its tags are not those that this run gave it; ours: it still says that it is this run's.
    """

    status: str
    error: str | None = None
    log: str = ""
    step: str | None = None
    changed: bool = False
    ours: bool = True

    @property
    def over(self) -> bool:
        """Tell whether it will change no more."""
        return self.status in {"completed", "failed", "canceled"}


@dataclass(frozen=True)
class Baseline:
    """What the champion's run tells. loss, digest: None where it does not; digest: of the rows it is on.

    answers: what it said when it was tested.
    """

    run: str
    loss: float | None = None
    digest: str | None = None
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class EndpointFacts:
    """The run's endpoint. ours: it carries this installation's and this recipe's tags; mirror: copies."""

    state: str
    ours: bool
    traffic: Mapping[str, int]
    mirror: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DeploymentFacts:
    """The run's deployment. Of a failed one: log, the end of its container's; error, Azure ML's own words."""

    state: str
    log: str = ""
    error: str | None = None


@dataclass(frozen=True)
class Facts:
    """The world as `decide` sees it. states: of those runs of the lane that matter; None: no such document.

    leaving: those of them that are ending, or were asked to.
    model_run: whose tag the registered version carries; None: no such version.
    baseline: the champion's figures, once the job is over, and while the model is tested; champion: the
    lane's, where it is on the run's endpoint; figures: of a rollout's step by deployment.
    """

    lane: Lane
    states: Mapping[str, State | None] = field(default_factory=dict)
    leaving: frozenset[str] = frozenset()
    source: Literal["same", "changed", "gone"] = "same"
    job: JobFacts | None = None
    cluster: Cluster | None = None
    model_run: str | None = None
    endpoint: EndpointFacts | None = None
    deployment: DeploymentFacts | None = None
    champion: DeploymentFacts | None = None
    baseline: Baseline | None = None
    figures: Mapping[str, Figures] = field(default_factory=dict)
    workspace_id: str = ""

    def holds(self, name: str) -> bool:
        """Tell whether a run of the lane is on its way; one that nobody looked at is."""
        return name not in self.states or self.states[name] not in {None, *ENDS}
