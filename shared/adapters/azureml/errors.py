"""The one map from what the SDKs raise to what this project raises.

azure.ai.ml's own    Permanent: it refuses before it sends; or as the HTTP error it wraps
no sign-in, 401      Misconfigured; Transient where the token service itself is what fails
403                  Misconfigured, naming the role
404                  Missing
412                  Changed
already exists       AlreadyThere
408 409 423 429 5xx, no quota or capacity, no connection, unreadable, out of time    Transient
any other            Permanent
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from azure.core import exceptions as sdk

from shared.adapters.azureml import patience
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

AGAIN = frozenset({408, 409, 423, 425, 429, 500, 502, 503, 504})
NO_ROOM = ("quota", "capacity", "notenoughcores", "skunotavailable", "allocationfailed")
TAKEN = ("already exists", "already an endpoint with this name", "resourceexists")
NO_CLOUD = "Unknown cloud environment"
SCIENTIST = "AzureML Data Scientist"
UNREADABLE = (sdk.DecodeError, sdk.DeserializationError, json.JSONDecodeError, msgspec.DecodeError)
OURS = (sdk.StreamConsumedError, sdk.StreamClosedError, sdk.ResponseNotReadError, sdk.SerializationError)
QUERY = re.compile(r"\?[^\s)'\"]+")
# azure-identity's chain keeps neither cause nor status of what failed, only its text. A token service that
# answers 429 or 5xx shows as "None, None", one that refuses as the reason it gives.
TROUBLE = re.compile(
    r"None, None|JSON is invalid|timed out|[Cc]onnection|Name or service not known|Temporary failure|"
    r"Max retries|RemoteDisconnected"
)
LONGEST = 500
LAYERS = 5


@contextmanager
def mapped(what: str, role: str = SCIENTIST) -> Iterator[None]:
    """Let only our own errors out, within the time a call may take.

    what: the thing touched, for the message; role: what an identity lacks that is refused.
    """
    try:
        with patience.within():
            yield
    except DroptuneError:
        raise
    except Exception as error:
        found = translated(error, what, role)
        if found is None:
            raise
        raise found from error


def translated(error: BaseException, what: str, role: str = SCIENTIST) -> DroptuneError | None:
    """Say in our words what went wrong with `what`; None: a fault of ours, which must be seen as it is."""
    if isinstance(error, patience.OutOfTime):
        return _unavailable(what, "no answer in time", error.retry_after)
    if _of_the_ml_sdk(error):
        return _refused_by_the_sdk(error, what, role)
    if isinstance(error, sdk.ClientAuthenticationError):
        return _no_sign_in(error, what, role)
    if isinstance(error, UNREADABLE):
        return _unavailable(what, "an answer that cannot be read")
    if isinstance(error, sdk.HttpResponseError):
        return _answered(error, what, role)
    if isinstance(error, OURS):
        return None
    if isinstance(error, sdk.AzureError) or _of_the_network(error):
        return _unavailable(what, f"no connection ({_said(error)})")
    return _no_bundle(error, what) if isinstance(error, OSError) else None


def capital(what: str) -> str:
    """Put it at the beginning of a sentence."""
    return what[:1].upper() + what[1:]


def retry_after(source: object) -> float | None:
    """Read the seconds to wait that an answer, or an error's answer, asks for."""
    response = source if hasattr(source, "headers") else getattr(source, "response", None)
    found = response.headers.get("Retry-After") if response is not None else None
    return float(found) if found and found.isdecimal() else None


def _answered(error: sdk.HttpResponseError, what: str, role: str) -> DroptuneError:
    status, said = getattr(error, "status_code", None) or 0, _said(error)
    words = said.lower()
    if status == HTTPStatus.UNAUTHORIZED:
        return _no_sign_in(error, what, role)
    if status == HTTPStatus.FORBIDDEN:
        return Misconfigured("azureml-forbidden", f"Azure refuses access to {what}: {said}", grant(role))
    if status == HTTPStatus.NOT_FOUND or isinstance(error, sdk.ResourceNotFoundError):
        return Missing("azureml-missing", f"{capital(what)} does not exist.")
    if status == HTTPStatus.PRECONDITION_FAILED or isinstance(error, sdk.ResourceModifiedError):
        return Changed("azureml-changed", f"{capital(what)} is no longer what it was when it was read.")
    if any(word in words for word in TAKEN):
        return AlreadyThere("azureml-exists", f"{capital(what)} exists already: {said}")
    if any(word in words.replace(" ", "") for word in NO_ROOM):
        return Transient(
            "azureml-no-room", f"Azure has no room for {what}: {said}", _quota(), retry_after(error)
        )
    if status in AGAIN:
        return _unavailable(what, f"{status} {said}".strip(), retry_after(error))
    return Permanent("azureml-refused", f"Azure ML refuses {what} ({status}): {said}", _mend())


def _no_sign_in(error: BaseException, what: str, role: str) -> DroptuneError:
    status = getattr(error, "status_code", None)
    silent = any(_of_the_network(cause) or _is_silence(cause) for cause in _causes(error))
    if silent or status in AGAIN or TROUBLE.search(str(error)):
        return _unavailable(what, "no token could be had", retry_after(error))
    return Misconfigured(
        "azureml-sign-in",
        f"Azure accepts no sign-in for {what}: {_said(error)}",
        f"Sign in (az login), or give the app an identity and name it in AZURE_CLIENT_ID. {grant(role)}",
    )


def _refused_by_the_sdk(error: BaseException, what: str, role: str) -> DroptuneError | None:
    for cause in _causes(error):
        if isinstance(cause, sdk.AzureError) and not _of_the_ml_sdk(cause):
            return translated(cause, what, role)
    said = _said(error)
    if NO_CLOUD in said:  # all it says when the list of clouds cannot be read
        return _unavailable(what, said)
    if "does not exist" in said:
        return Missing("azureml-missing", f"{capital(what)} does not exist: {said}")
    return Permanent("azureml-invalid", f"The Azure ML SDK refuses {what}: {said}", _mend())


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(found) < LAYERS:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found


def _of_the_ml_sdk(error: BaseException) -> bool:
    """Tell azure.ai.ml's errors, and those of its schemas, without importing it."""
    return any(kind.__module__.startswith(("azure.ai.ml", "marshmallow")) for kind in type(error).__mro__)


def _of_the_network(error: BaseException) -> bool:
    if isinstance(error, ConnectionError | TimeoutError | socket.gaierror | ssl.SSLError):
        return True
    return type(error).__module__.startswith(("requests.", "urllib3."))


def _is_silence(error: BaseException) -> bool:
    return isinstance(error, sdk.ServiceRequestError | sdk.ServiceResponseError)


def _no_bundle(error: OSError, what: str) -> Misconfigured:
    return Misconfigured(
        "azureml-network",
        f"No connection could be made for {what}: {_said(error)}",
        "Where REQUESTS_CA_BUNDLE is set it must name a file of CA certificates, then: droptune retry RUN",
    )


def _unavailable(what: str, found: str, after: float | None = None) -> Transient:
    said = f"Azure does not answer for {what}: {found.rstrip('.')}."
    return Transient("azureml-unavailable", said, "", after)


def _said(error: BaseException) -> str:
    inner = getattr(error, "error", None)
    code, message = getattr(inner, "code", None), getattr(inner, "message", None)
    text = f"{code}: {message}" if code or message else str(getattr(error, "message", "") or error)
    # The services behind endpoints say "The request is invalid." and what is wrong with it in a detail.
    told = [str(detail.message) for detail in getattr(inner, "details", None) or () if detail.message]
    text = " ".join([text, *(one for one in told if one not in text)])
    # A URL's query may hold a signature, which is a secret.
    return QUERY.sub("", " ".join(text.split()) or type(error).__name__)[:LONGEST]


def grant(role: str) -> str:
    """Give the command that grants a role."""
    return (
        f'Give the identity the role "{role}" on the workspace: az role assignment create --role "{role}" '
        "--assignee IDENTITY --scope WORKSPACE_ID, then: droptune retry RUN"
    )


def _quota() -> str:
    return (
        "Ask for quota in the portal (Quotas, Machine learning), or name another size in the recipe, "
        "then: droptune retry RUN"
    )


def _mend() -> str:
    return "Mend what Azure names, in the recipe or in the workspace, then: droptune retry RUN"
