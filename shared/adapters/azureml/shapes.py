"""Endpoints and deployments as the resource manager tells them, put into our records."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.ports import Deployment, Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping


def endpoint(found: Mapping[str, Any]) -> Endpoint:
    """Read an endpoint; shares of nought are left out."""
    properties = found["properties"]
    return Endpoint(
        name=found["name"],
        state=_state(properties),
        tags=found.get("tags") or {},
        traffic=_shares(properties, "traffic"),
        mirror=_shares(properties, "mirrorTraffic"),
        scoring_url=properties.get("scoringUri"),
        created=created(found),
        location=found.get("location"),
    )


def _shares(properties: Mapping[str, Any], key: str) -> dict[str, int]:
    return {name: int(share) for name, share in (properties.get(key) or {}).items() if share}


def deployment(endpoint_name: str, found: Mapping[str, Any]) -> Deployment:
    """Read a deployment."""
    properties = found["properties"]
    return Deployment(
        endpoint=endpoint_name,
        name=found["name"],
        state=_state(properties),
        tags=found.get("tags") or {},
        instance_type=properties.get("instanceType") or "",
        instance_count=int((found.get("sku") or {}).get("capacity") or 1),
        model=properties.get("model"),
        created=created(found),
    )


def created(found: Mapping[str, Any]) -> datetime | None:
    """Read when a resource was made; None where the answer does not say."""
    text = (found.get("systemData") or {}).get("createdAt")
    return datetime.fromisoformat(str(text)) if text else None


def _state(properties: Mapping[str, Any]) -> str:
    return str(properties.get("provisioningState") or "unknown").lower()
