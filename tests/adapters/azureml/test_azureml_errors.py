"""The map from what the SDKs raise is complete, and says what to do next."""

from __future__ import annotations

import io
import json
import socket
import ssl
from typing import TYPE_CHECKING, Any

import azure.core.exceptions as core
import pytest
import requests.exceptions
import urllib3.exceptions
from azure.core.rest import HttpRequest
from azure.core.rest._requests_basic import RestRequestsTransportResponse
from azure.identity import AuthenticationRequiredError, CredentialUnavailableError  # noqa: TID251 - mapped here

from shared.adapters.azureml.errors import mapped, translated
from shared.adapters.azureml.patience import OutOfTime
from shared.domain.errors import (
    AlreadyThere,
    Busy,
    Changed,
    DroptuneError,
    Misconfigured,
    Missing,
    Permanent,
    Transient,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The SDK itself and what it imports warn in many places: that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore")

WHAT = "the job acme-1"
SAYS_NO = json.dumps({"error": {"code": "UserError", "message": "it cannot be so"}})
OURS = {"StreamConsumedError", "StreamClosedError", "ResponseNotReadError", "SerializationError"}
CORE: dict[str, type[DroptuneError]] = {
    "AzureError": Transient,
    "ServiceRequestError": Transient,
    "ServiceResponseError": Transient,
    "ServiceRequestTimeoutError": Transient,
    "ServiceResponseTimeoutError": Transient,
    "IncompleteReadError": Transient,
    "DecodeError": Transient,
    "DeserializationError": Transient,
    "ClientAuthenticationError": Misconfigured,
    "ResourceNotFoundError": Missing,
    "ResourceModifiedError": Changed,
    "ResourceExistsError": Permanent,  # by its status, below: 409 is Transient, "already exists" AlreadyThere
    "ResourceNotModifiedError": Permanent,
    "TooManyRedirectsError": Permanent,
    "ODataV4Error": Permanent,
    "HttpResponseError": Permanent,
}


def answer(status: int, body: str = "", headers: Mapping[str, str] | None = None) -> Any:
    """Make the answer that azure-core hands on: made of a real `requests` one."""
    raw = requests.Response()
    raw.status_code, raw.raw = status, io.BytesIO(body.encode())
    raw.headers.update({"Content-Type": "application/json", **(headers or {})})
    request = HttpRequest("GET", "https://management.azure.com/x")
    made = RestRequestsTransportResponse(request=request, internal_response=raw)
    made.read()
    return made


def http_error(status: int, body: str = "", headers: Mapping[str, str] | None = None) -> Exception:
    made: Exception = core.HttpResponseError(response=answer(status, body, headers))
    return made


def says(code: str, message: str) -> str:
    return json.dumps({"error": {"code": code, "message": message}})


def invalid(reason: str) -> str:
    """As the service behind endpoints words it: the reason is JSON text in a detail."""
    said = json.dumps({"errors": {"": [reason]}, "title": "One or more validation errors occurred."})
    detail = {"code": "InferencingClientCallFailed", "message": said}
    error = {"code": "BadRequest", "message": "The request is invalid.", "details": [detail]}
    return json.dumps({"error": error})


def classes(module: Any, base: type) -> Iterator[type]:
    for found in vars(module).values():
        if isinstance(found, type) and issubclass(found, base) and found.__module__ == module.__name__:
            yield found


def bare(kind: Any) -> Exception:
    """Make an instance whatever its constructor wants."""
    made: Exception = kind.__new__(kind)
    Exception.__init__(made, "some text")
    vars(made).update(partial=1, expected=2, response=None, length=b"")  # what some show of themselves
    return made


def test_every_exception_of_azure_core_has_its_place() -> None:
    known = {kind.__name__ for kind in classes(core, Exception)}
    assert known == CORE.keys() | OURS, "azure-core has other exceptions than this map was made for"


@pytest.mark.parametrize("name", CORE)
def test_an_exception_of_azure_core_is_translated(name: str) -> None:
    kind = getattr(core, name)
    wants: dict[str, Any] = {"ODataV4Error": answer(400, SAYS_NO), "TooManyRedirectsError": ["a history"]}
    error = kind(wants.get(name, "some text"))
    found = translated(error, WHAT)
    assert type(found) is CORE[name], found
    assert WHAT in str(found).lower()
    assert str(found)[0].isupper()


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_fault_of_ours_is_seen_as_it_is(name: str) -> None:
    error = bare(getattr(core, name))
    assert translated(error, WHAT) is None
    with pytest.raises(type(error)), mapped(WHAT):
        raise error
    with pytest.raises(KeyError), mapped(WHAT):
        raise KeyError("location")


def test_every_exception_of_azure_ai_ml_is_translated() -> None:
    import azure.ai.ml.exceptions as ml  # noqa: TID251 - mapped here

    found = {kind.__name__: translated(bare(kind), WHAT) for kind in classes(ml, Exception)}
    assert len(found) > 25
    assert {name for name, error in found.items() if type(error) is not Permanent} == set()


def test_every_exception_of_requests_and_urllib3_is_translated() -> None:
    modules = [
        (requests.exceptions, requests.RequestException),
        (urllib3.exceptions, urllib3.exceptions.HTTPError),
    ]
    kinds = [kind for module, base in modules for kind in classes(module, base)]
    assert len(kinds) > 40
    assert {kind.__name__ for kind in kinds if type(translated(bare(kind), WHAT)) is not Transient} == set()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionResetError("reset"), Transient),
        (TimeoutError("late"), Transient),
        (socket.gaierror(-2, "Name or service not known"), Transient),
        (ssl.SSLError("bad record"), Transient),
        (json.JSONDecodeError("no JSON", "<html>", 0), Transient),
        (OSError("Could not find a suitable TLS CA certificate bundle"), Misconfigured),
        (CredentialUnavailableError("no identity"), Misconfigured),
        (AuthenticationRequiredError(["scope"]), Misconfigured),
    ],
)
def test_what_lies_below_the_sdks_is_translated(error: Exception, expected: type[DroptuneError]) -> None:
    assert type(translated(error, WHAT)) is expected


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [
        (400, Permanent, "azureml-refused"),
        (401, Misconfigured, "azureml-sign-in"),
        (403, Misconfigured, "azureml-forbidden"),
        (404, Missing, "azureml-missing"),
        (405, Permanent, "azureml-refused"),
        (408, Transient, "azureml-unavailable"),
        (409, Transient, "azureml-unavailable"),
        (412, Changed, "azureml-changed"),
        (422, Permanent, "azureml-refused"),
        (423, Transient, "azureml-unavailable"),
        (429, Transient, "azureml-unavailable"),
        (500, Transient, "azureml-unavailable"),
        (501, Permanent, "azureml-refused"),
        (502, Transient, "azureml-unavailable"),
        (503, Transient, "azureml-unavailable"),
        (504, Transient, "azureml-unavailable"),
    ],
)
def test_a_status_tells_what_to_do(status: int, expected: type[DroptuneError], code: str) -> None:
    found = translated(http_error(status, SAYS_NO), WHAT)
    assert found is not None
    assert (type(found), found.problem.code) == (expected, code)
    assert not isinstance(found, Busy), "a conflict counts as an attempt, or it would be tried for ever"
    if isinstance(found, Permanent):
        assert "it cannot be so" in found.problem.message
        assert found.problem.help.rpartition(": ")[2] == "droptune retry RUN"


def test_a_refusal_names_the_role_that_is_missing() -> None:
    found = translated(http_error(403, SAYS_NO), WHAT, "Monitoring Reader")
    assert found is not None
    assert 'az role assignment create --role "Monitoring Reader"' in found.problem.help


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, says("UserError", "A job with this name already exists."), AlreadyThere),
        (409, says("ResourceExists", "The version exists"), AlreadyThere),
        (
            400,
            says("BadRequest", "There is already an endpoint with this name, Endpoint name needs"),
            AlreadyThere,
        ),
        (400, invalid("There is already an endpoint with this name, Endpoint name needs"), AlreadyThere),
        (400, invalid("Not enough quota available for Standard_F4s_v2"), Transient),
        (400, invalid("Specified deployment [a] is in an unrecoverable state."), Permanent),
        (400, says("OutOfQuota", "Not enough quota"), Transient),
        (400, says("ClusterMinNodesExceedCoreQuota", "cores"), Transient),
        (400, says("OutOfCapacity", "The VM size is short of capacity in this region"), Transient),
        (409, says("Conflict", "Another operation is running"), Transient),
        (500, "<html>Bad gateway</html>", Transient),
    ],
)
def test_the_words_of_a_refusal_count(status: int, body: str, expected: type[DroptuneError]) -> None:
    assert type(translated(http_error(status, body), WHAT)) is expected


def test_how_long_to_wait_is_handed_on() -> None:
    found = translated(http_error(429, SAYS_NO, {"Retry-After": "17"}), WHAT)
    assert isinstance(found, Transient)
    assert found.retry_after == 17
    late = translated(OutOfTime(120), WHAT)
    assert isinstance(late, Transient)
    assert late.retry_after == 120
    undated = translated(http_error(503, SAYS_NO, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), WHAT)
    assert isinstance(undated, Transient)
    assert undated.retry_after is None


def test_a_token_service_that_fails_is_tried_again() -> None:
    refused = core.ClientAuthenticationError(message="ManagedIdentityCredential failed", response=answer(503))
    assert type(translated(refused, WHAT)) is Transient
    silent = core.ClientAuthenticationError(message="ManagedIdentityCredential failed")
    silent.__cause__ = core.ServiceRequestError("connection refused")
    assert type(translated(silent, WHAT)) is Transient
    no_role = core.ClientAuthenticationError(message="AADSTS700016", response=answer(400))
    assert type(translated(no_role, WHAT)) is Misconfigured


def test_what_the_ml_sdk_wraps_counts() -> None:
    from azure.ai.ml.exceptions import MlException  # noqa: TID251 - mapped here

    def wrapping(text: str, cause: Exception | None) -> Exception:
        made: Exception = MlException(message=text, no_personal_data_message=text)
        made.__cause__ = cause
        return made

    assert type(translated(wrapping("compute c", http_error(404, SAYS_NO)), WHAT)) is Missing
    assert type(translated(wrapping("compute c", http_error(503, SAYS_NO)), WHAT)) is Transient
    assert type(translated(wrapping("Asset zz does not exist in registry azureml.", None), WHAT)) is Missing
    assert type(translated(wrapping('Unknown cloud environment "X".', None), WHAT)) is Transient
    assert type(translated(wrapping("Input path can't be empty", None), WHAT)) is Permanent


def test_no_signature_of_a_url_gets_into_a_text() -> None:
    error = core.ServiceRequestError(
        "Max retries exceeded with url: /logs/x.txt?sv=1&sig=SECRET%3D (refused)"
    )
    assert "SECRET" not in str(translated(error, WHAT))
    assert "/logs/x.txt" in str(translated(error, WHAT))


def test_our_own_errors_go_through_as_they_are() -> None:
    ours = Missing("azureml-missing", "It is not there.")
    with pytest.raises(Missing) as seen, mapped(WHAT):
        raise ours
    assert seen.value is ours


def test_what_azure_says_ends_with_one_full_stop() -> None:
    error = core.HttpResponseError("It failed; its log tells why.")
    error.status_code = 500
    found = translated(error, "the jobs")
    assert found is not None
    assert found.problem.message.endswith("500 It failed; its log tells why.")
