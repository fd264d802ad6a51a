"""The poison queues: where the Functions host leaves a message after its last try.

Names and contents: Microsoft Learn, "Azure Queue storage trigger", poison messages, and "Azure Blob storage
trigger", poison blobs. Texts are base64, unless that was what was wrong with them.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from shared.adapters.storage.errors import SENDER
from shared.adapters.storage.place import RUN_STEPS
from shared.adapters.storage.steps import NEVER
from shared.domain.errors import Misconfigured, Missing
from shared.ports.poison import Spoiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from azure.storage.queue import QueueClient

    from shared.adapters.storage.place import StoragePlace

QUEUES: tuple[tuple[Literal["step", "drop"], str], ...] = (
    ("step", f"{RUN_STEPS}-poison"),
    ("drop", "webjobs-blobtrigger-poison"),
)
ROLE = "Storage Queue Data Message Processor"
HIDDEN_SECONDS = 120
AT_ONCE = 32  # as many as the service gives in one answer


class QueuePoison:
    """`shared.ports.Poison` over both queues; one that is not there yet is empty."""

    def __init__(self, place: StoragePlace) -> None:
        self._place = place
        self._clients: dict[str, QueueClient] = {}

    def look(self) -> Sequence[Spoiled]:
        """Look at the oldest of each kind; none is taken."""
        found = list[Spoiled]()
        for kind, queue in QUEUES:
            seen = self._looked(queue, lambda one: one.peek_messages(max_messages=AT_ONCE))
            found += [_spoiled(kind, message) for message in seen or ()]
        return found

    def take(self) -> Iterator[Spoiled]:
        """Take one after the other, each hidden from others meanwhile."""
        for kind, queue in QUEUES:
            while message := self._next(queue):
                yield _spoiled(kind, message, message.pop_receipt)

    def release(self, taken: Spoiled) -> None:
        """Let a taken one be seen again at once."""
        queue = dict(QUEUES)[taken.kind]
        with self._place.call(f"the queue {queue}", ROLE):
            self._client(queue).update_message(taken.id, taken.receipt, visibility_timeout=0)

    def delete(self, taken: Spoiled) -> None:
        """Delete a taken one; one that is gone is deleted already."""
        queue = dict(QUEUES)[taken.kind]
        with suppress(Missing), self._place.call(f"the queue {queue}", ROLE):
            self._client(queue).delete_message(taken.id, taken.receipt)

    def restore(self, taken: Spoiled) -> None:
        """Put a taken step back into its queue, as it stands, then delete it here."""
        with self._place.call(f"the queue {RUN_STEPS}", SENDER):
            self._client(RUN_STEPS).send_message(taken.body, time_to_live=NEVER)
        self.delete(taken)

    def _next(self, queue: str) -> Any:  # noqa: ANN401 - the SDK's message, or None
        return self._looked(queue, lambda one: one.receive_message(visibility_timeout=HIDDEN_SECONDS))

    def _looked(self, queue: str, look: Callable[[QueueClient], Any]) -> Any:  # noqa: ANN401 - as look gives
        """Look into a queue; None where it is not there, for the host makes it with its first message."""
        try:
            with self._place.call(f"the queue {queue}", ROLE):
                return look(self._client(queue))
        except Misconfigured as error:
            if error.problem.code != "storage-incomplete":
                raise
            return None

    def _client(self, queue: str) -> QueueClient:
        if queue not in self._clients:
            self._clients[queue] = self._place.queue(queue)
        return self._clients[queue]


def _spoiled(kind: Literal["step", "drop"], message: Any, receipt: str = "") -> Spoiled:  # noqa: ANN401 - the SDK's
    try:
        body = base64.b64decode(message.content, validate=True).decode()
    except ValueError:
        body = None
    return Spoiled(message.id, kind, body, message.inserted_on, receipt)
