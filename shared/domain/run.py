"""A run: what one drop set off, from its upload to its end. The ledger keeps it as one document."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import replace

from shared.domain.base_model import ResolvedModel
from shared.domain.comparison import Compared
from shared.domain.cost import Attempt, Estimate
from shared.domain.drops import Drop
from shared.domain.endings import EndpointEnd
from shared.domain.errors import Problem
from shared.domain.lane import Evaluated, Place
from shared.domain.recipe import Recipe
from shared.domain.rollout import Rollout
from shared.domain.smoke import Answer
from shared.domain.survey import Finding

VERSION = 1


class State(StrEnum):
    """Where a run is (docs/architecture.md draws the ways between them)."""

    RECEIVED = "received"
    VALIDATING = "validating"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    TRAINING = "training"
    REGISTERING = "registering"
    DEPLOYING = "deploying"
    TESTING = "testing"
    PROMOTING = "promoting"
    LIVE = "live"
    REJECTED = "rejected"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    RETIRED = "retired"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDS = frozenset(
    {
        State.LIVE,
        State.REJECTED,
        State.UNCHANGED,
        State.SUPERSEDED,
        State.RETIRED,
        State.FAILED,
        State.CANCELLED,
    }
)
BEFORE_DEPLOYING = frozenset(
    {
        State.RECEIVED,
        State.VALIDATING,
        State.AWAITING_APPROVAL,
        State.QUEUED,
        State.TRAINING,
        State.REGISTERING,
    }
)


class Change(msgspec.Struct, frozen=True):
    """One entry of a run's history: when, to which state, why, by whom, with the figures that led to it."""

    at: datetime
    state: State
    reason: str
    by: str = "droptune"
    figures: dict[str, Any] = {}


class Claim(msgspec.Struct, frozen=True):
    """Who works on the run just now, and until when others must leave it alone."""

    owner: str
    until: datetime


class Wish(msgspec.Struct, frozen=True):
    """A person's command, appended to the document for the claim's owner to read.

    saw: 16 hex digits of the report that lay before them.
    """

    action: str
    by: str
    at: datetime
    reason: str = ""
    saw: str = ""


class Prepared(msgspec.Struct, frozen=True):
    """What validation made. folder: `<run>/<claim>` in `prepared`; since: what is new, in words."""

    folder: str
    verdict: str
    reason: str
    rows: dict[str, int]
    counts: dict[str, int]
    findings: tuple[dict[str, Any], ...]
    data_digest: str
    source_digest: str
    since: str = ""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger's document of one run. Times are UTC; `due`: when it is looked at next without a hint.

    told, heard: changes that topic and people know of. earlier: jobs before the present one. drained: since
    when deployments have no traffic. Until a look succeeds: attempts, failing_since, faults, deaths at it.
    """

    version: int = VERSION
    name: str
    recipe_name: str
    drop: Drop
    state: State
    received: datetime
    updated: datetime
    reason: str
    history: tuple[Change, ...]
    told: int = 0
    heard: int = 0
    recipe: Recipe | None = None
    recipe_etag: str = ""
    due: datetime | None = None
    wake: int = 0
    claim: Claim | None = None
    waits: int = 0
    attempts: int = 0
    failing_since: datetime | None = None
    faults: int = 0
    deaths: int = 0
    wishes: tuple[Wish, ...] = ()
    problem: Problem | None = None
    closing: State | None = None
    closing_by: str = "droptune"
    closing_figures: dict[str, Any] = {}
    prepared: Prepared | None = None
    base_model: ResolvedModel | None = None
    preflight: tuple[Finding, ...] | None = None
    estimate: Estimate | None = None
    same_key: str | None = None
    same_as: str | None = None
    approved_by: str | None = None
    job: str | None = None
    job_attempt: int = 1
    earlier: tuple[Attempt, ...] = ()
    job_spec: str | None = None
    job_started: datetime | None = None
    job_url: str | None = None
    metrics: dict[str, float] = {}
    metrics_read: bool = False
    spent_usd: float | None = None
    preemptions: int = 0
    tokens: dict[str, int] = {}
    curves: str | None = None
    evaluation: Evaluated | None = None
    eval_digest: str | None = None
    base_eval_loss: float | None = None
    compared: Compared | None = None
    model: str | None = None
    model_version: str | None = None
    model_gone: bool = False
    endpoint: str | None = None
    endpoint_ends: tuple[EndpointEnd, ...] = ()
    generation: int = 1
    deployment: str | None = None
    deploying: str | None = None
    smoke: tuple[Answer, ...] | None = None
    erased: datetime | None = None
    erased_by: str = ""
    rollout: Rollout | None = None
    drained: dict[str, datetime] = {}
    back: bool = False  # a person brought it back over a newer one

    @property
    def ended(self) -> bool:
        """Tell whether nothing more will happen by itself."""
        return self.state in ENDS

    @property
    def place(self) -> Place:
        """Its place in the order of its lane's drops."""
        return Place(self.drop.modified, self.name)

    @property
    def trained(self) -> bool:
        """Tell whether it has been through training."""
        return any(change.state is State.TRAINING for change in self.history)

    @property
    def since(self) -> datetime:
        """When it came to the state it is in."""
        return next(change.at for change in reversed(self.history) if change.state is self.state)

    def wish(self, *actions: str) -> Wish | None:
        """Find the first open wish for one of `actions`."""
        return next((wish for wish in self.wishes if wish.action in actions), None)


def received(
    drop: Drop, now: datetime, *, recipe: Recipe | None, recipe_etag: str, problem: Problem | None
) -> Run:
    """Make the run of a drop that has just been seen."""
    files = f"{len(drop.members)} files, " if drop.members else ""
    state, reason = State.RECEIVED, f"{drop.path} was dropped ({files}{drop.size:,} bytes)"
    return Run(
        name=drop.run,
        recipe_name=drop.recipe,
        drop=drop,
        state=state,
        received=now,
        updated=now,
        due=now,
        reason=reason,
        history=(Change(now, state, reason),),
        recipe=recipe,
        recipe_etag=recipe_etag,
        problem=problem,
    )


def moved(
    run: Run,
    state: State,
    reason: str,
    now: datetime,
    *,
    by: str = "droptune",
    figures: dict[str, Any] | None = None,
) -> Run:
    """Take the run to another state; its attempts and waits start afresh."""
    change = Change(now, state, reason, by, figures or {})
    after = replace(run, state=state, reason=reason, updated=now, history=(*run.history, change), waits=0)
    return untroubled(after)


def untroubled(run: Run) -> Run:
    """Forget what went wrong: a look has succeeded."""
    return replace(run, attempts=0, failing_since=None, faults=0, deaths=0)
