"""What the use cases need of the world, in our words. Adapters implement these, fakes in tests too.

Errors are those of `shared.domain.errors` alone: Transient, Permanent, Changed, AlreadyThere, Missing.
Every call ends within 30 seconds, retries included, but for streams. Times are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.domain.parameters import COMPONENT
from shared.domain.survey import Limits
from shared.ports.compute import ClusterSpec, Computes
from shared.ports.figures import Monitor, Prices
from shared.ports.notices import People, Topic
from shared.ports.serving import NO_COPIES, Deployment, DeploymentSpec, Endpoint, Endpoints
from shared.ports.storage import Documents, Drops, Entry, Prepared, Recipes, Steps, Stored
from shared.ports.training import CompareStep, Failure, Job, Jobs, JobSpec, Models, ModelVersion

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = [
    "NO_COPIES",
    "ClusterSpec",
    "CompareStep",
    "Computes",
    "Deployment",
    "DeploymentSpec",
    "Documents",
    "Drops",
    "Endpoint",
    "Endpoints",
    "Entry",
    "Failure",
    "Job",
    "JobSpec",
    "Jobs",
    "ModelVersion",
    "Models",
    "Monitor",
    "People",
    "Prepared",
    "Prices",
    "Recipes",
    "Steps",
    "Stored",
    "Topic",
    "World",
]


@dataclass(frozen=True)
class World:
    """Every port a use case may need, and what tells this installation from another."""

    ledger: Documents
    drops: Drops
    recipes: Recipes
    prepared: Prepared
    steps: Steps
    jobs: Jobs
    models: Models
    computes: Computes
    endpoints: Endpoints
    monitor: Monitor
    prices: Prices
    topic: Topic
    people: People
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    installation: str
    workspace_id: str
    limits: Limits = field(default_factory=Limits)
    component: str = COMPONENT
