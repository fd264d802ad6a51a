"""Figures and prices, in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


class Monitor(Protocol):
    """Azure Monitor's figures of endpoints. A minute without a figure is absent, not nought."""

    def requests(
        self, endpoints: Sequence[str], since: datetime, until: datetime
    ) -> Mapping[str, Mapping[str, Mapping[datetime, float]]]:
        """Read requests a minute by endpoint, deployment and minute; an endpoint not read is absent."""

    def outcomes(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[int, Mapping[datetime, float]]]:
        """Read requests a minute by deployment, HTTP status and minute."""

    def latency(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[datetime, float]]:
        """Read the seconds in which 95 of 100 requests were answered, by deployment and minute."""

    def heartbeats(
        self, deployments: Sequence[tuple[str, str]], since: datetime, until: datetime
    ) -> Mapping[tuple[str, str], Sequence[datetime]]:
        """List the minutes in which each (endpoint, deployment) reported its CPU; one not read is absent."""


class Prices(Protocol):
    """Retail prices."""

    def hourly_usd(
        self, instance_type: str, location: str, tier: Literal["dedicated", "low_priority"] = "dedicated"
    ) -> float | None:
        """Price one instance for an hour; None: unknown, which is never nought.

        Where low priority has no price of its own, it is the dedicated one: it costs no more than that.
        """
