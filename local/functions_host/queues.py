"""Deliver queue messages as the Storage extension does.

16 at a time; a message stays invisible while it is worked on and is renewed at half its time; success deletes
it, failure makes it visible again after `visibilityTimeout`; at the last try it goes to `<queue>-poison`.
"""

from __future__ import annotations

import enum
import logging
import threading
from base64 import b64decode
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceNotFoundError

from local.functions_host import settings
from local.functions_host.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor

    from azure.storage.queue import QueueClient, QueueMessage  # noqa: TID251 - the host talks to real queues

log = logging.getLogger("queues")
IDLE_SECONDS = (0.1, 1.0)


@dataclass(frozen=True)
class Rules:
    """host.json's `extensions.queues`, and a message's invisible time while worked on (600 s on Azure)."""

    visibility_timeout: float = 0.0
    max_dequeue_count: int = 5
    batch_size: int = 16
    new_batch_threshold: int = 8
    lease: int = 600


class Outcome(enum.Enum):
    """What becomes of a message."""

    DONE = enum.auto()
    FAILED = enum.auto()
    POISON = enum.auto()
    RELEASED = enum.auto()  # not begun, for the host is stopping: somebody else's at once


class Listener:
    """Polls one queue and hands its messages to `handle`, which raises to fail."""

    def __init__(
        self,
        connection: str,
        name: str,
        handle: Callable[[QueueMessage], None],
        rules: Rules,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._connection, self._name = connection, name
        self._handle, self._rules, self._pool = handle, rules, pool
        self._over = threading.Event()
        self._busy = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._poll, name=f"queue-{name}", daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def stop(self) -> None:
        """Take no new messages; those under way go on."""
        self._over.set()
        self._thread.join(10)

    def _poll(self) -> None:
        queue, wait = None, IDLE_SECONDS[0]
        while not self._over.is_set():
            found = 0
            try:
                queue = queue or settings.queue(self._connection, self._name)
                found = self._fetch(queue)
            except AzureError as error:
                log.warning("queue=%s is not to be read just now: %s", self._name, type(error).__name__)
                wait = IDLE_SECONDS[1]
            wait = IDLE_SECONDS[0] if found else min(wait * 1.5, IDLE_SECONDS[1])
            self._over.wait(wait)

    def _fetch(self, queue: QueueClient) -> int:
        with self._lock:
            room = self._rules.batch_size if self._busy <= self._rules.new_batch_threshold else 0
        if not room:
            return 0
        found = 0
        for message in queue.receive_messages(
            max_messages=room, messages_per_page=room, visibility_timeout=self._rules.lease
        ):
            found += 1
            with self._lock:
                self._busy += 1
            # Kept from now on: it may wait for a thread for longer than its time.
            lease = Lease(queue, message, self._rules.lease)
            lease.start()
            self._pool.submit(self._work, queue, lease)
        return found

    def _work(self, queue: QueueClient, lease: Lease) -> None:
        try:
            self._end(queue, lease, self._outcome(lease.message))
        except ResourceNotFoundError:
            log.info("queue=%s message was taken by another", self._name)
        except AzureError as error:
            log.warning("queue=%s: %s; the message comes again", self._name, type(error).__name__)
        finally:
            lease.stop()
            with self._lock:
                self._busy -= 1

    def _outcome(self, message: QueueMessage) -> Outcome:
        if self._over.is_set():
            return Outcome.RELEASED
        if int(message.dequeue_count or 1) > self._rules.max_dequeue_count:
            return Outcome.POISON  # its last try killed the host, or lost its time
        decoded = copy(message)
        try:
            decoded.content = b64decode(message.content, validate=True).decode()
        except ValueError:
            log.error("queue=%s message=%s is not base64 of text", self._name, message.id)  # noqa: TRY400
            return Outcome.POISON
        try:
            self._handle(decoded)
        except Exception:  # noqa: BLE001 - whatever a function raises makes the message come again
            last = int(message.dequeue_count or 1) >= self._rules.max_dequeue_count
            return Outcome.POISON if last else Outcome.FAILED
        return Outcome.DONE

    def _end(self, queue: QueueClient, lease: Lease, outcome: Outcome) -> None:
        lease.stop()  # the receipt changes with every renewal
        message = lease.message
        if outcome is Outcome.POISON:
            log.error("queue=%s message=%s went to poison", self._name, message.id)
            settings.queue(self._connection, poison(self._name)).send_message(message.content)
        if outcome in {Outcome.DONE, Outcome.POISON}:
            queue.delete_message(message)
        else:
            wait = 0 if outcome is Outcome.RELEASED else int(self._rules.visibility_timeout)
            queue.update_message(message, visibility_timeout=wait)


def poison(queue: str) -> str:
    """Name the queue a message goes to after its last try."""
    return (
        "webjobs-blobtrigger-poison" if queue.startswith("azure-webjobs-blobtrigger") else f"{queue}-poison"
    )
