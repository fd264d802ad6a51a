"""The one map from the storage SDK's exceptions to ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from azure.core import exceptions as sdk

from shared.domain.errors import (
    AlreadyThere,
    Changed,
    DroptuneError,
    Misconfigured,
    Missing,
    Permanent,
    Transient,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLE = "Give the identity the role {role} on the storage account, then: droptune doctor"
BUSY = frozenset({408, 429, 500, 502, 503, 504})


@contextmanager
def mapped(what: str, role: str = "Storage Blob Data Contributor") -> Iterator[None]:
    """Let only our own errors out. what: the thing touched, for the message; role: what a 403 lacks."""
    try:
        yield
    except sdk.AzureError as error:
        raise translated(error, what, role) from error


def translated(error: sdk.AzureError, what: str, role: str) -> DroptuneError:
    """Say in our words what went wrong with `what`."""
    status = getattr(error, "status_code", None)
    code = str(getattr(error, "error_code", "") or "")
    if isinstance(error, sdk.ClientAuthenticationError) or status in {401, 403}:
        return Misconfigured(
            "storage-forbidden",
            f"Storage refuses access to {what} ({code or status}).",
            ROLE.format(role=role),
        )
    if status == 412 or isinstance(error, sdk.ResourceModifiedError):  # noqa: PLR2004
        return Changed("storage-changed", f"{what} is no longer the version that was read.")
    if status == 409:  # noqa: PLR2004
        return _conflict(what, code)
    if status == 404:  # noqa: PLR2004
        return Missing("storage-missing", f"{what} does not exist.")
    if status is None or status in BUSY:
        return Transient(
            "storage-unavailable",
            f"Storage does not answer for {what} ({status or 'no connection'}).",
            retry_after=_retry_after(error),
        )
    return Permanent("storage-refused", f"Storage refuses {what}: {status} {code}.")


def _conflict(what: str, code: str) -> DroptuneError:
    if code in {"BlobAlreadyExists", "ResourceAlreadyExists", "ContainerAlreadyExists"}:
        return AlreadyThere("storage-exists", f"{what} exists already.")
    return Transient("storage-conflict", f"{what} is busy just now ({code}).")


def _retry_after(error: sdk.AzureError) -> float | None:
    response = getattr(error, "response", None)
    found = response.headers.get("Retry-After") if response is not None else None
    return float(found) if found and found.isdecimal() else None
