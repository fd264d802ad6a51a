"""The one map from the storage SDK's exceptions to ours."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
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

WRITER = "Storage Blob Data Contributor"
READER = "Storage Blob Data Reader"
SENDER = "Storage Queue Data Message Sender"

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
THERE = frozenset({"BlobAlreadyExists", "ResourceAlreadyExists", "ContainerAlreadyExists"})
NO_CONTAINER = frozenset({"ContainerNotFound", "QueueNotFound", "ShareNotFound", "AccountNotFound"})
LOST = frozenset({"", "ConditionNotMet", "SourceConditionNotMet", "TargetConditionNotMet"})
STUCK = frozenset({"BlobImmutableDueToPolicy", "BlobArchived", "InvalidBlobType", "PublicAccessNotPermitted"})

# What a 401 or 403 lacks, by the service's own code; a role is what most of them lack.
HELP = {
    "AuthorizationFailure": "Let the account's network rules admit this app, or give its identity the role "
    "{role} on the storage account, then: droptune doctor",
    "AuthenticationFailed": "Check that DROPTUNE_STORAGE names this account and holds its present key, or "
    "that the identity is of the account's tenant, then: droptune doctor",
    "KeyBasedAuthenticationNotPermitted": "Set DROPTUNE_STORAGE__blobServiceUri and "
    "DROPTUNE_STORAGE__queueServiceUri instead of a connection string, then: droptune doctor",
    "AccountIsDisabled": "Ask the subscription's owner to enable the storage account, then: droptune doctor",
}
ROLE = "Give the identity the role {role} on the storage account, then: droptune doctor"


@contextmanager
def mapped(what: str, role: str = WRITER) -> Iterator[None]:
    """Let only our own errors out. what: the thing touched, for the message; role: what a 403 lacks."""
    try:
        yield
    except sdk.AzureError as error:
        raise translated(error, what, role) from error


def translated(error: sdk.AzureError, what: str, role: str = WRITER) -> DroptuneError:
    """Say in our words what went wrong with `what`."""
    status = getattr(error, "status_code", None)
    code = _code(error)
    if status is None or status < HTTPStatus.BAD_REQUEST:
        return _no_answer(error, what)
    no_token = isinstance(error, sdk.ClientAuthenticationError) and status not in BUSY
    if no_token or status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        refused = f"Storage refuses access to {what} ({status} {code}".rstrip() + ")."
        return Misconfigured("storage-forbidden", refused, HELP.get(code, ROLE).format(role=role))
    if status == HTTPStatus.NOT_FOUND:
        return _missing(what, code)
    if status == HTTPStatus.PRECONDITION_FAILED and code in LOST:
        return Changed("storage-changed", f"{_capital(what)} is no longer the version that was read.")
    if status == HTTPStatus.CONFLICT and code in THERE:
        return AlreadyThere("storage-exists", f"{_capital(what)} exists already.")
    if code not in STUCK and status in {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}:
        return Transient("storage-conflict", f"{_capital(what)} is held by somebody else just now ({code}).")
    if status in BUSY:
        return Transient(
            "storage-unavailable",
            f"Storage is too busy for {what} ({status} {code}".rstrip() + ").",
            retry_after=_retry_after(error),
        )
    return Permanent("storage-refused", f"Storage refuses {what}: {status} {code}".rstrip() + ".")


def _no_answer(error: sdk.AzureError, what: str) -> DroptuneError:
    """No answer, or half of one; a missing token counts, for the token service has its bad moments too."""
    reason = _reason(error)
    if isinstance(error, sdk.ClientAuthenticationError):
        return Transient(
            "storage-no-token",
            f"No token was given out for {what}: {reason}.",
            "If it stays so: give the app a managed identity (AZURE_CLIENT_ID names one of several), on a "
            "laptop az login, then: droptune doctor",
        )
    return Transient("storage-unavailable", f"Storage does not answer for {what}: {reason}.")


def _missing(what: str, code: str) -> DroptuneError:
    if code in NO_CONTAINER:
        return Misconfigured(
            "storage-incomplete",
            f"There is no room for {what} in the storage account ({code}).",
            "The containers datasets, recipes, runs, prepared and the queue run-steps are made with the "
            "installation; make what is missing, then: droptune doctor",
        )
    return Missing("storage-missing", f"{_capital(what)} does not exist.")


def _code(error: sdk.AzureError) -> str:
    """Read the service's code; the SDK gives an enum's member for those it knows, text for the others."""
    found = getattr(error, "error_code", None)
    return str(getattr(found, "value", found) or "")


def _reason(error: BaseException) -> str:
    """Say what lies at the bottom: the system's words, which never hold a URL with a signature."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(".")


def _retry_after(error: sdk.AzureError) -> float | None:
    response = getattr(error, "response", None)
    headers = response.headers if response is not None else {}
    for name, unit in (("Retry-After", 1.0), ("x-ms-retry-after-ms", 1000.0)):
        found = headers.get(name)
        if found and found.isdecimal():
            return float(found) / unit
    return None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
