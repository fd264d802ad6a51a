"""How an outside call can go wrong: what the use cases see is what the adapters' own maps make of it.

A service's answer becomes an SDK's exception, and `translated` of the adapter says what the app gets. So a
429 here is the 429 of the wire, whatever it means to the app.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Literal

from azure.core import exceptions as sdk

from shared.adapters.azureml import errors as azureml
from shared.adapters.azureml import patience
from shared.adapters.storage import errors as storage
from shared.domain.errors import AlreadyThere, Changed, DroptuneError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

When = Literal["before", "middle", "after"]
STORAGE = ("documents.", "drops.", "recipes.", "prepared.", "steps.")
# These answer instead of raising: a price comes from the bundled list, a deaf channel is told in the answer.
NEVER_RAISE = frozenset({"prices.hourly_usd", "people.tell"})
STREAMS = frozenset({"documents.names", "drops.all", "drops.open", "prepared.read"})
WRITERS = frozenset({"prepared.writer"})
CONDITIONAL = frozenset({"documents.replace", "drops.open"})
# What a second try of the SDK finds of the first, whose answer was lost.
MEETS: Mapping[str, Callable[[], DroptuneError]] = {
    "documents.create": lambda: AlreadyThere("storage-exists", "The blob exists already."),
    "documents.replace": lambda: Changed("storage-changed", "The blob is no longer the version read."),
    "models.register": lambda: AlreadyThere("azureml-exists", "The model exists already."),
    "endpoints.create": lambda: AlreadyThere("endpoint-name-taken", "The name is taken in this region."),
}
WRITES = frozenset(
    {
        *("documents.create", "documents.replace", "documents.put", "documents.delete", "prepared.writer"),
        *("jobs.submit", "jobs.cancel", "models.register", "models.delete", "computes.create"),
        *("endpoints.create", "endpoints.delete", "endpoints.deploy", "endpoints.undeploy"),
        *("endpoints.set_traffic", "endpoints.tag"),
    }
)


class Killed(BaseException):
    """The process is gone: nothing of it runs on, and no call of its gets out."""


@dataclass(frozen=True)
class Kind:
    """One way to fail. when: before the call, in the middle of its bytes, after its effect.

    seconds: how long the call lasted; fits: which calls it can befall; mortal: the run may end of it.
    others: what other instances do meanwhile; then nothing fails, and the call goes on. alike: another
    kind is the same to the app, so that it is tried in some lives alone.
    """

    name: str
    when: When
    error: Callable[[str], BaseException]
    fits: Callable[[str], bool]
    seconds: float = 0
    mortal: bool = False
    others: Literal["nothing", "look", "take over"] = "nothing"
    alike: bool = False

    def __str__(self) -> str:
        return self.name


def _answer(status: int, code: str = "", **headers: str) -> Callable[[str], BaseException]:
    def made(call: str) -> BaseException:
        error = sdk.HttpResponseError(message=f"{status} {code}")
        error.status_code, error.error_code = status, code
        error.response = SimpleNamespace(
            headers={key.replace("_", "-"): text for key, text in headers.items()}
        )
        return _translated(call, error)

    return made


def _silence(kind: type[sdk.AzureError], said: str) -> Callable[[str], BaseException]:
    return lambda call: _translated(call, kind(said))


def _no_time(call: str) -> BaseException:
    late = sdk.ServiceRequestTimeoutError("the call's time is over")
    return _translated(call, late if call.startswith(STORAGE) else patience.OutOfTime())


def _translated(call: str, error: BaseException) -> DroptuneError:
    if call.startswith(STORAGE):
        assert isinstance(error, sdk.AzureError)
        return storage.translated(error, call)
    found = azureml.translated(error, call)
    assert found is not None
    return found


def _speaks(call: str) -> bool:
    return call not in NEVER_RAISE


def _any(_call: str) -> bool:
    return True


def _writes(call: str) -> bool:
    return call in WRITES


def _is_conditional(call: str) -> bool:
    return call in CONDITIONAL or (call in WRITES and not call.startswith(STORAGE))


def _is_not_traffic(call: str) -> bool:
    """Leave out what nothing can mend: Azure ML takes shares from whoever sends them, however late."""
    return call != "endpoints.set_traffic"


def _flows(call: str) -> bool:
    return call in STREAMS | WRITERS


def _cut(call: str) -> bool:
    return _speaks(call) and not _flows(call)


KINDS: tuple[Kind, ...] = (
    Kind("unforeseen", "before", lambda call: RuntimeError(f"nobody foresaw this of {call}"), _any),
    Kind(
        "no connection",
        "before",
        _silence(sdk.ServiceRequestError, "Connection refused"),
        _speaks,
        alike=True,
    ),
    Kind("answer lost", "after", _silence(sdk.ServiceResponseError, "Connection reset by peer"), _speaks),
    Kind("timed out", "before", _no_time, _speaks, seconds=25, alike=True),
    Kind("timed out, done", "after", _no_time, _speaks, seconds=25, alike=True),
    Kind("429", "before", _answer(429, "TooManyRequests", Retry_After="120"), _speaks),
    Kind("409", "before", _answer(409, "Conflict"), _writes, alike=True),
    Kind("412", "before", _answer(412, "ConditionNotMet"), _is_conditional),
    Kind("500", "before", _answer(500, "InternalError"), _speaks),
    Kind("answer cut", "after", _silence(sdk.DecodeError, "Expecting value"), _cut, alike=True),
    Kind("stream cut", "middle", _silence(sdk.ServiceResponseError, "IncompleteRead"), _flows),
    Kind("meets itself", "after", lambda call: MEETS[call](), lambda call: call in MEETS),
    Kind("killed before", "before", Killed, _any),
    Kind("killed after", "after", Killed, _any),
    Kind("killed within", "middle", Killed, _flows),
    Kind("crossed", "before", RuntimeError, _any, others="look"),
    Kind("stalled", "before", RuntimeError, _is_not_traffic, others="take over"),
    Kind("403", "before", _answer(403, "AuthorizationFailure"), _speaks, mortal=True),
)
BY_NAME = {kind.name: kind for kind in KINDS}
