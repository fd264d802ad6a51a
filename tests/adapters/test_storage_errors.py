"""What the storage adapters make of a service that refuses, is busy, hangs or breaks off."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from azure.core import exceptions as sdk

from shared.adapters.storage import (
    BlobDocuments,
    BlobDrops,
    BlobPrepared,
    BlobRecipes,
    QueueSteps,
    StoragePlace,
)
from shared.adapters.storage.errors import translated
from shared.domain.drops import Drop
from shared.domain.errors import (
    AlreadyThere,
    Changed,
    DroptuneError,
    Misconfigured,
    Missing,
    Permanent,
    Transient,
)
from tests.adapters.scripted import KEY, Reply, account, place_at
from tests.local.azureml.rig import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WHEN = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
OK = {"ETag": '"0x1"', "Last-Modified": "Tue, 24 Nov 2026 10:00:00 GMT", "x-ms-blob-type": "BlockBlob"}


def write(place: StoragePlace) -> None:
    with BlobPrepared(place).writer("r/x/train.jsonl") as file:
        file.write(b"1")


CALLS: dict[str, Callable[[StoragePlace], object]] = {
    "documents.read": lambda place: BlobDocuments(place).read("r/x.json"),
    "documents.create": lambda place: BlobDocuments(place).create("r/x.json", b"{}"),
    "documents.replace": lambda place: BlobDocuments(place).replace("r/x.json", b"{}", "0x1"),
    "documents.put": lambda place: BlobDocuments(place).put("r/x.json", b"{}"),
    "documents.delete": lambda place: BlobDocuments(place).delete("r/x.json"),
    "documents.names": lambda place: list(BlobDocuments(place).names("r/")),
    "drops.find": lambda place: BlobDrops(place).find("r/x.jsonl"),
    "drops.all": lambda place: list(BlobDrops(place).all()),
    "drops.open": lambda place: list(BlobDrops(place).open(Drop("r/x.jsonl", "0x1", WHEN, 3))),
    "drops.open empty": lambda place: list(BlobDrops(place).open(Drop("r/x.jsonl", "0x1", WHEN, 0))),
    "drops.upload": lambda place: BlobDrops(place).upload("r/x.jsonl", io.BytesIO(b"1"), retrain=True),
    "recipes.read": lambda place: BlobRecipes(place).read("r"),
    "recipes.names": lambda place: BlobRecipes(place).names(),
    "prepared.read": lambda place: list(BlobPrepared(place).read("r/x/train.jsonl")),
    "prepared.writer": write,
    "steps.send": lambda place: QueueSteps(place).send("r-1"),
}
READS = {name for name in CALLS if name.startswith(("drops", "recipes"))} - {"drops.upload"}


def always(reply: Reply) -> Callable[[str, Mapping[str, str]], Reply]:
    return lambda _request, _headers: reply


def fails(call: str, reply: Reply) -> DroptuneError:
    """Make one call against an account that answers `reply` to everything."""
    with (
        account(always(reply)) as server,
        place_at(server.url, 0.5) as place,
        pytest.raises(DroptuneError) as caught,
    ):
        CALLS[call](place)
    return caught.value


@pytest.mark.parametrize("call", CALLS)
def test_a_403_names_the_role_to_give(call: str) -> None:
    error = fails(call, Reply(403, "AuthorizationPermissionMismatch"))
    assert isinstance(error, Misconfigured)
    role = "Storage Blob Data Reader" if call in READS else "Storage Blob Data Contributor"
    role = "Storage Queue Data Message Sender" if call == "steps.send" else role
    assert error.problem.help == (
        f"Give the identity the role {role} on the storage account, then: droptune doctor"
    )
    assert "403 AuthorizationPermissionMismatch" in error.problem.message


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AuthorizationFailure", "network rules"),
        ("AuthenticationFailed", "present key"),
        ("KeyBasedAuthenticationNotPermitted", "DROPTUNE_STORAGE__blobServiceUri"),
        ("AccountIsDisabled", "enable the storage account"),
        ("SomethingNew", "Storage Blob Data Contributor"),
        ("", "Storage Blob Data Contributor"),
    ],
)
def test_a_403_says_what_is_lacking(code: str, words: str) -> None:
    error = fails("documents.read", Reply(403, code))
    assert isinstance(error, Misconfigured)
    assert words in error.problem.help
    assert error.problem.help.endswith("then: droptune doctor")


@pytest.mark.parametrize("call", CALLS)
def test_a_container_that_is_not_there_is_no_missing_blob(call: str) -> None:
    error = fails(call, Reply(404, "QueueNotFound" if call == "steps.send" else "ContainerNotFound"))
    assert isinstance(error, Misconfigured)
    assert "make what is missing" in error.problem.help


@pytest.mark.parametrize(
    ("call", "status", "code", "expected"),
    [
        ("documents.read", 404, "BlobNotFound", Missing),
        ("drops.find", 404, "BlobNotFound", Missing),
        ("drops.open", 404, "BlobNotFound", Changed),
        ("drops.open", 412, "ConditionNotMet", Changed),
        ("drops.open empty", 412, "ConditionNotMet", Changed),
        ("documents.replace", 412, "ConditionNotMet", Changed),
        ("documents.replace", 404, "BlobNotFound", Changed),
        ("documents.replace", 412, "LeaseIdMissing", Transient),
        ("documents.create", 409, "BlobAlreadyExists", AlreadyThere),
        ("documents.create", 409, "ContainerBeingDeleted", Transient),
        ("documents.put", 409, "BlobImmutableDueToPolicy", Permanent),
        ("drops.open", 409, "BlobArchived", Permanent),
        ("documents.put", 400, "InvalidMetadata", Permanent),
        ("documents.put", 413, "RequestBodyTooLarge", Permanent),
        ("documents.put", 401, "InvalidAuthenticationInfo", Misconfigured),
    ],
)
def test_each_refusal_is_told_in_our_words(
    call: str, status: int, code: str, expected: type[DroptuneError]
) -> None:
    error = fails(call, Reply(status, code))
    assert type(error) is expected
    assert error.problem.code.startswith("storage-")
    assert "runs" in error.problem.message or "datasets" in error.problem.message


@pytest.mark.parametrize(
    ("call", "status"),
    [
        *((call, 503) for call in CALLS if call != "drops.upload"),
        *(("documents.read", status) for status in (408, 429, 500)),
    ],
)
def test_a_busy_service_is_transient_and_says_when(call: str, status: int) -> None:
    error = fails(call, Reply(status, "ServerBusy", {"Retry-After": "17"}))
    assert isinstance(error, Transient)
    assert error.retry_after == 17


def test_milliseconds_to_wait_are_understood() -> None:
    error = fails("documents.read", Reply(503, "ServerBusy", {"x-ms-retry-after-ms": "1500"}))
    assert isinstance(error, Transient)
    assert error.retry_after == 1.5


@pytest.mark.parametrize("call", [call for call in CALLS if call != "drops.upload"])
def test_a_service_that_hangs_costs_no_more_than_the_limit(call: str) -> None:
    """An upload is a stream: only its single tries have a limit."""
    with account(always(Reply(hang=True))) as server, place_at(server.url, 0.5) as place:
        started = time.monotonic()
        with pytest.raises(Transient, match="does not answer"):
            CALLS[call](place)
        assert time.monotonic() - started < 0.5 + 2.5


def test_a_body_that_breaks_off_is_transient() -> None:
    started = time.monotonic()
    reply = Reply(206, "", OK | {"Content-Range": "bytes 0-99/100"}, b"only this", cut=91)
    error = fails("documents.read", reply)
    assert isinstance(error, Transient)
    assert time.monotonic() - started < 0.5 + 3


@pytest.mark.slow
def test_every_call_ends_within_thirty_seconds() -> None:
    """With the limits of the product: the service takes every connection and never answers."""
    calls = [call for call in CALLS if call != "drops.upload"]

    def timed(call: str, url: str) -> float:
        with place_at(url, StoragePlace.call_seconds) as place:
            started = time.monotonic()
            with pytest.raises(Transient):
                CALLS[call](place)
            return time.monotonic() - started

    with account(always(Reply(hang=True))) as server, ThreadPoolExecutor(len(calls)) as pool:
        took = dict(zip(calls, pool.map(lambda call: timed(call, server.url), calls), strict=True))
    assert max(took.values()) < 30, took
    assert min(took.values()) > 20, took


def test_a_hiccup_is_tried_again() -> None:
    replies = [Reply(503, "ServerBusy"), Reply(201, "", OK)]
    with account(lambda *_: replies.pop(0)) as server, place_at(server.url, 10) as place:
        assert BlobDocuments(place).put("a", b"1") == "0x1"
    assert server.seen == ["PUT /account/runs/a", "PUT /account/runs/a"]


def test_a_lost_answer_may_meet_its_own_write() -> None:
    """The second try finds what the first one wrote: AlreadyThere does not prove another writer."""
    replies = [Reply(500, "InternalError"), Reply(409, "BlobAlreadyExists")]
    with (
        account(lambda *_: replies.pop(0)) as server,
        place_at(server.url, 10) as place,
        pytest.raises(AlreadyThere, match=r"The blob 'a' in runs exists already\."),
    ):
        BlobDocuments(place).create("a", b"1")


def test_no_connection_is_told_without_its_url() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/account"
    sas = f"BlobEndpoint={url};SharedAccessSignature=sv=2024-01-01&sig=SIGNATURE"
    place = StoragePlace(None, None, sas, lambda: None, call_seconds=0.5)
    with pytest.raises(Transient, match="Connection refused") as caught:
        BlobDocuments(place).read("a")
    place.close()
    assert "SIGNATURE" not in str(caught.value)
    assert "SIGNATURE" not in repr(place)


@pytest.mark.parametrize(
    "text",
    ["nonsense", f"AccountName=a;AccountKey={KEY}=wrong"],
)
def test_a_wrong_connection_string_names_its_setting(text: str) -> None:
    place = StoragePlace(None, None, text, lambda: None)
    for make in (BlobDocuments, BlobDrops, BlobRecipes, BlobPrepared, lambda p: QueueSteps(p).send("r")):
        with pytest.raises(Misconfigured, match="DROPTUNE_STORAGE is no connection string") as caught:
            make(place)
        assert text not in str(caught.value)


class NoToken:
    """A credential that has no token to give."""

    def get_token(self, *_scopes: str, **_more: object) -> object:
        raise sdk.ClientAuthenticationError("DefaultAzureCredential found none.\nAttempted: this and that")


def test_no_token_is_tried_again_and_says_how_to_get_one() -> None:
    place = StoragePlace("https://x.blob.core.windows.net", None, None, NoToken, call_seconds=0.5)
    with pytest.raises(Transient, match="DefaultAzureCredential found none") as caught:
        BlobDocuments(place).read("a")
    place.close()
    assert "az login" in caught.value.problem.help
    assert "\n" not in caught.value.problem.message


def test_two_pieces_are_read_ahead_and_no_more() -> None:
    piece, going, most = 4 << 20, [0], [0]
    lock = threading.Lock()

    def answer(_request: str, headers: Mapping[str, str]) -> Reply:
        with lock:
            going[0] += 1
            most[0] = max(most[0], going[0])
        first, last = map(int, headers["x-ms-range"].removeprefix("bytes=").split("-"))
        assert headers["If-Match"] == '"0x1"'
        time.sleep(0.05)  # long enough that a third thread would be seen
        with lock:
            going[0] -= 1
        answer_headers = OK | {"Content-Range": f"bytes {first}-{last}/{8 * piece}"}
        return Reply(206, "", answer_headers, bytes([first // piece]) * piece)

    with account(answer) as server, place_at(server.url) as place:
        pieces = BlobDrops(place).open(Drop("r/x.jsonl", "0x1", WHEN, 8 * piece))
        assert next(pieces)[:1] == b"\x00"
        until(lambda: len(server.seen) == 3, 10, "the two next pieces are read")
        assert [one[:1] for one in pieces] == [bytes([place]) for place in range(1, 8)]
    assert most == [2]
    assert len(server.seen) == 8


def test_making_the_adapters_connects_nowhere_and_leaves_the_queue_sdk_alone() -> None:
    script = (
        "import socket, sys\n"
        "socket.socket.connect = socket.create_connection = None\n"
        "from shared.adapters.storage import *\n"
        f"place = StoragePlace(None, None, 'AccountName=a;AccountKey={KEY}', None)\n"
        "for made in (BlobDocuments, BlobDrops, BlobRecipes, BlobPrepared, QueueSteps): made(place)\n"
        "assert 'azure.storage.queue' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


NEED_A_RESPONSE = {
    sdk.ODataV4Error,
    sdk.ResponseNotReadError,
    sdk.StreamClosedError,
    sdk.StreamConsumedError,
    sdk.TooManyRedirectsError,
}
KINDS = [kind for kind in vars(sdk).values() if isinstance(kind, type) and issubclass(kind, sdk.AzureError)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in NEED_A_RESPONSE])
def test_the_map_is_complete(kind: type[sdk.AzureError]) -> None:
    told = translated(kind("what the SDK said"), "the blob 'a' in runs")
    assert isinstance(told, Transient), "without a status nothing was answered"
    assert "what the SDK said" in told.problem.message


@pytest.mark.parametrize("status", range(300, 600))
def test_every_status_has_a_meaning(status: int) -> None:
    error = sdk.HttpResponseError("what the SDK said")
    error.status_code = status
    told = translated(error, "the blob 'a' in runs")
    assert isinstance(told, (Transient, Permanent, Changed, Missing))
    assert told.problem.message.endswith(".")
