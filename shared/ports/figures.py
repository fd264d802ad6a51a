"""Figures and prices, in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


class Monitor(Protocol):
    """Azure Monitor's figures of endpoints. A minute without a figure is absent, not nought."""

    def requests(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[datetime, float]]:
        """Read requests a minute by deployment and minute."""

    def outcomes(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[int, Mapping[datetime, float]]]:
        """Read requests a minute by deployment, HTTP status and minute."""

    def latency(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[datetime, float]]:
        """Read the seconds in which 95 of 100 requests were answered, by deployment and minute."""

    def heartbeat(
        self, endpoint: str, deployment: str, since: datetime, until: datetime
    ) -> Sequence[datetime]:
        """List the minutes in which the deployment reported its CPU."""


class Prices(Protocol):
    """Retail prices."""

    def hourly_usd(self, instance_type: str, location: str) -> float | None:
        """Price one instance for an hour; None: unknown, which is never nought."""
