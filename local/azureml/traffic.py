"""Who answers a request: the rules for an endpoint's traffic, and the draw.

Rules as documented: shares add up to 0 or 100; one deployment may get copies of up to half of the live
traffic (mirroring), and then has none of its own.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from local.azureml.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    Shares = Mapping[str, int]

WHOLE = 100
MOST_MIRRORED = 50


def check(endpoint: str, traffic: Shares, mirror: Shares, there: Container[str]) -> None:
    """Refuse shares that can't be; `there` are the endpoint's deployments.

    Raises:
        AzureError: 400, with the rule.

    """
    for name, share in [*traffic.items(), *mirror.items()]:
        if name not in there:
            raise bad_request(f"Traffic names deployment '{name}', which endpoint '{endpoint}' lacks.")
        if not 0 <= share <= WHOLE:
            raise bad_request(f"Traffic of '{name}' must be 0 to 100; found {share}.")
    if sum(traffic.values()) not in (0, WHOLE):
        raise bad_request(f"Traffic must add up to 0 or 100; found {sum(traffic.values())}.")
    mirrored = {name: share for name, share in mirror.items() if share}
    if len(mirrored) > 1:
        raise bad_request(f"Only one deployment can be mirrored to; found {', '.join(mirrored)}.")
    for name, share in mirrored.items():
        if share > MOST_MIRRORED:
            raise bad_request(f"At most {MOST_MIRRORED} percent can be mirrored; found {share}.")
        if traffic.get(name):
            raise bad_request(f"Deployment '{name}' has live traffic: it can't be mirrored to as well.")


def chosen(traffic: Shares) -> str | None:
    """Draw a deployment by its share; None where none has any."""
    shares = {name: share for name, share in traffic.items() if share > 0}
    if not shares:
        return None
    # A weighted draw as the service makes it; nothing secret hangs on it.
    return random.choices(list(shares), list(shares.values()))[0]  # noqa: S311


def mirrored(mirror: Shares) -> str | None:
    """Draw whether a live request is copied, and to which deployment."""
    for name, share in mirror.items():
        if random.random() * WHOLE < share:  # noqa: S311 - as above
            return name
    return None
