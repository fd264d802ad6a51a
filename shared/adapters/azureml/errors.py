"""The one map from the exceptions of Azure's SDKs to ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from azure.core import exceptions as sdk

from shared.domain.errors import (
    AlreadyThere,
    Busy,
    DroptuneError,
    Misconfigured,
    Missing,
    Permanent,
    Transient,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY = frozenset({408, 429, 500, 502, 503, 504})
NO_ROOM = ("quota", "capacity", "notenoughcores", "skunotavailable")
TAKEN = ("already exists", "already an endpoint with this name", "resourceexists")
ROLE = "Give the app's identity the role AzureML Data Scientist on the workspace, then: droptune doctor"


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Let only our own errors out. what: the thing touched, for the message."""
    try:
        yield
    except DroptuneError:
        raise
    except sdk.AzureError as error:
        raise translated(error, what) from error
    except Exception as error:
        if type(error).__module__.startswith("azure.ai.ml"):
            raise client_side(error, what) from error
        raise


def translated(error: sdk.AzureError, what: str) -> DroptuneError:
    """Say in our words what Azure answered about `what`."""
    status = getattr(error, "status_code", None)
    said = _said(error)
    if isinstance(error, sdk.ClientAuthenticationError) or status in {401, 403}:
        return Misconfigured("azureml-forbidden", f"Azure ML refuses access to {what}: {said}", ROLE)
    if status == 404 or isinstance(error, sdk.ResourceNotFoundError):  # noqa: PLR2004
        return Missing("azureml-missing", f"{what} does not exist in Azure ML.")
    if any(word in said.lower() for word in TAKEN):
        return AlreadyThere("azureml-exists", f"{what} exists already: {said}")
    if any(word in said.lower().replace(" ", "") for word in NO_ROOM):
        return Transient("azureml-no-room", f"Azure has no room for {what}: {said}", _quota_help())
    if status == 409:  # noqa: PLR2004
        return Busy("azureml-busy", f"{what} is being changed: {said}")
    if status is None or status in BUSY:
        found = f"{status}" if status else "no connection"
        return Transient(
            "azureml-unavailable", f"Azure ML does not answer for {what} ({found}).", "", _retry_after(error)
        )
    return Permanent("azureml-refused", f"Azure ML refuses {what}: {said}")


def client_side(error: Exception, what: str) -> DroptuneError:
    """Say in our words what the SDK itself refused before it sent anything."""
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if "does not exist" in said:
        return Missing("azureml-missing", f"{what} does not exist in Azure ML: {said}")
    return Permanent("azureml-invalid", f"The Azure ML SDK refuses {what}: {said}")


def _said(error: sdk.AzureError) -> str:
    inner = getattr(error, "error", None)
    code, message = getattr(inner, "code", None), getattr(inner, "message", None)
    text = f"{code}: {message}" if code or message else str(getattr(error, "message", "") or error)
    return " ".join(text.split())[:500]


def _quota_help() -> str:
    return "Ask for quota in the portal (Quotas, Machine learning), or name another size in the recipe."


def _retry_after(error: sdk.AzureError) -> float | None:
    response = getattr(error, "response", None)
    found = response.headers.get("Retry-After") if response is not None else None
    return float(found) if found and found.isdecimal() else None
