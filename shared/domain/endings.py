"""When the endpoint that a run stood at was taken away, and by which rule of the sweep."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from shared.domain.run import Run


class EndpointEnd(msgspec.Struct, frozen=True):
    """An endpoint's end. at: when the sweep set about it; rule and reason: the sweep's."""

    endpoint: str
    at: datetime
    rule: str
    reason: str


def with_end(run: Run, end: EndpointEnd) -> Run:
    """Write the end into a run that is over and had stood there; any other stays as it is.

    A name may live several times: a run knows the first end after it was deployed there, and no later one.
    """
    deployed = max((change.at for change in run.history if change.state == "deploying"), default=None)
    if run.endpoint != end.endpoint or not run.ended or deployed is None or deployed > end.at:
        return run
    if any(one.endpoint == end.endpoint and one.at >= deployed for one in run.endpoint_ends):
        return run
    return replace(run, endpoint_ends=(*run.endpoint_ends, end))
