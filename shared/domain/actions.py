"""What a run may do next. `decide` chooses one, `shared.app` carries it out.

Each names an effect in the world or a change of the ledger; none carries what the run's document
already says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.domain.errors import Problem
    from shared.domain.lane import Champion
    from shared.domain.rollout import Split
    from shared.domain.run import State


@dataclass(frozen=True)
class Move:
    """Go to another state. changes: fields of the run set with it; consume: the wish that led to it."""

    state: State
    reason: str
    by: str = "droptune"
    figures: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    consume: str | None = None


@dataclass(frozen=True)
class Note:
    """Write something down before the effect that needs it."""

    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Close:
    """Begin to end the run: nothing of it may go on or bill. problem: why, where it ends badly.

    figures: what led to it, for the history.
    """

    state: State
    reason: str
    problem: Problem | None = None
    by: str = "droptune"
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """Nothing of the run is left to take away: write its end."""


@dataclass(frozen=True)
class Wait:
    """Nothing to do until the world changes. pace: how soon to look again; who waits in line is sent for."""

    reason: str
    pace: Literal["poll", "job", "line", "person"] = "poll"


@dataclass(frozen=True)
class Prepare:
    """Read, check and split the data set."""


@dataclass(frozen=True)
class ResolveModel:
    """Look the base model up and keep its version."""


@dataclass(frozen=True)
class Preflight:
    """Look for all that would stop the run on Azure ML, before anything is spent."""


@dataclass(frozen=True)
class Estimate:
    """Foretell what training and serving will cost."""


@dataclass(frozen=True)
class CreateCompute:
    """Begin to make the cluster that the recipe names."""


@dataclass(frozen=True)
class ClaimSame:
    """Make sure that no other run stands for the same data and training."""


@dataclass(frozen=True)
class EnterTraining:
    """Take the lane's training slot or a place in its line."""


@dataclass(frozen=True)
class LeaveTraining:
    """Give the training slot back."""


@dataclass(frozen=True)
class AskToLeave:
    """Ask an older run of the lane to end, because newer data replaces its own."""

    run: str


@dataclass(frozen=True)
class FixEvaluation:
    """Choose the rows the model is measured on, and take them out of the train rows."""


@dataclass(frozen=True)
class SubmitJob:
    """Make the fine-tune job."""


@dataclass(frozen=True)
class CancelJob:
    """Ask Azure ML to end the job."""


@dataclass(frozen=True)
class ReadMetrics:
    """Keep the job's figures in the run."""


@dataclass(frozen=True)
class ChooseVersion:
    """Choose the model's name and version."""


@dataclass(frozen=True)
class RegisterModel:
    """Register the trained model."""


@dataclass(frozen=True)
class TakeDeploySlot:
    """Take the lane's deploy slot or a place in its line."""


@dataclass(frozen=True)
class CreateEndpoint:
    """Begin to make the endpoint."""


@dataclass(frozen=True)
class DeleteEndpoint:
    """Begin to delete the endpoint, which serves this run alone."""


@dataclass(frozen=True)
class CreateDeployment:
    """Begin to make the deployment."""


@dataclass(frozen=True)
class DeleteDeployment:
    """Begin to delete the run's deployment."""


@dataclass(frozen=True)
class AskChallenger:
    """Put the test questions to the deployment."""


@dataclass(frozen=True)
class MoveTraffic:
    """Begin to move the traffic: percent by deployment. mirror: percent copied; seen: only if still so."""

    traffic: Mapping[str, int]
    mirror: Mapping[str, int] = field(default_factory=dict)
    seen: Split | None = None


@dataclass(frozen=True)
class Crown:
    """Write the run's deployment into the lane as its champion and free the deploy slot."""


@dataclass(frozen=True)
class Depose:
    """End the life of the run whose deployment had the traffic before."""

    run: str


@dataclass(frozen=True)
class MakeRoom:
    """Begin to delete the champion's deployment, for `serving.strategy: replace`."""

    deployment: str


@dataclass(frozen=True)
class Retire:
    """Write a champion that made room out of the lane, and end its run."""

    champion: Champion


@dataclass(frozen=True)
class Free:
    """Give back every slot of the lane and hint those who wait."""


Action = (
    Move
    | Note
    | Close
    | End
    | Wait
    | Prepare
    | ResolveModel
    | ClaimSame
    | Preflight
    | Estimate
    | CreateCompute
    | EnterTraining
    | LeaveTraining
    | AskToLeave
    | FixEvaluation
    | SubmitJob
    | CancelJob
    | ReadMetrics
    | ChooseVersion
    | RegisterModel
    | TakeDeploySlot
    | CreateEndpoint
    | DeleteEndpoint
    | CreateDeployment
    | DeleteDeployment
    | AskChallenger
    | MoveTraffic
    | Crown
    | Depose
    | MakeRoom
    | Retire
    | Free
)
