"""What the port Poison promises, held by the fake and by real queues alike."""

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pytest

from tests.contract.storage_rigs import WORLDS, Credential, azurite_rig, now
from tests.fakes.poison import FakePoison

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.ports.poison import Poison

QUEUES = {"step": "run-steps-poison", "drop": "webjobs-blobtrigger-poison"}
Kind = Literal["step", "drop"]


class Rig(Protocol):
    """A world to test in, and what the platform does in it."""

    @property
    def poison(self) -> Poison: ...

    def spoil(self, kind: Kind, body: str | None) -> None:
        """Put a message there as the host does; None: one that is no base64."""

    def steps(self) -> list[str]:
        """Take the texts that were put back into the queue of steps."""


class FakeRig:
    def __init__(self) -> None:
        self.poison = FakePoison(now)

    def spoil(self, kind: Kind, body: str | None) -> None:
        self.poison.put(kind, body)

    def steps(self) -> list[str]:
        return [body for body in self.poison.restored if body is not None]


@dataclass
class AzuriteRig:
    poison: Poison
    url: str
    queue: Any

    def spoil(self, kind: Kind, body: str | None) -> None:
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.queue import QueueClient  # noqa: TID251 - the witness beside the adapter

        text = "{no base64}" if body is None else base64.b64encode(body.encode()).decode()
        with QueueClient(self.url, QUEUES[kind], credential=Credential()) as queue:
            with contextlib.suppress(ResourceExistsError):
                queue.create_queue()
            queue.send_message(text)

    def steps(self) -> list[str]:
        found = list(self.queue.receive_messages())
        return [base64.b64decode(message.content, validate=True).decode() for message in found]


@pytest.fixture(params=WORLDS)
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    if request.param == "fake":
        yield FakeRig()
        return
    from shared.adapters.storage import QueuePoison

    with azurite_rig(tmp_path_factory.mktemp("poison")) as found:
        yield AzuriteRig(QueuePoison(found.place), str(found.place.queue_url), found.queue)


def test_what_is_spoiled_is_seen_taken_released_restored_and_deleted(rig: Rig) -> None:
    poison = rig.poison
    assert list(poison.look()) == []  # the host makes the queues with their first message
    assert list(poison.take()) == []
    body = json.dumps({"run": "a-20261124120000-aaaaaaaa", "wake": 1})
    rig.spoil("step", body)
    rig.spoil("drop", "{}")
    rig.spoil("step", None)
    seen = {one.id: one for one in poison.look()}
    assert [(one.kind, one.body) for one in seen.values()] == [("step", body), ("step", None), ("drop", "{}")]
    assert all(abs((now() - one.since).total_seconds()) < 600 for one in seen.values())
    first, second, third = poison.take()
    assert list(poison.look()) == []  # hidden from others
    poison.release(second)
    assert [one.id for one in poison.look()] == [second.id]
    poison.restore(first)
    poison.delete(third)
    poison.delete(third)
    assert rig.steps() == [body]
    [again] = poison.take()
    assert (again.id, again.body) == (second.id, None)
    poison.delete(again)
    assert list(poison.take()) == []


def test_no_more_than_32_of_a_kind_are_seen_and_all_are_taken(rig: Rig) -> None:
    for number in range(34):
        rig.spoil("step", str(number))
    assert len(rig.poison.look()) == 32
    assert sorted(int(one.body or "") for one in rig.poison.take()) == list(range(34))
