"""Deliver queue messages as the Storage extension does.

16 at a time; a message stays invisible while it is worked on and is renewed at half its time; success deletes
it, failure makes it visible again after `visibilityTimeout`; at the last try it goes to `<queue>-poison`.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, ResourceNotFoundError

from local.functions_host import settings

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
        self._slots = threading.Semaphore(rules.batch_size)
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
            self._pool.submit(self._work, queue, message)
        return found

    def _work(self, queue: QueueClient, message: QueueMessage) -> None:
        lease = _Lease(queue, message, self._rules.lease)
        try:
            with lease:
                self._handle(message)
        except Exception:  # noqa: BLE001 - whatever a function raises makes the message come again
            self._quietly(lambda: self._failed(queue, lease.message))
        else:
            self._quietly(lambda: queue.delete_message(lease.message))
        finally:
            with self._lock:
                self._busy -= 1

    def _failed(self, queue: QueueClient, message: QueueMessage) -> None:
        if int(message.dequeue_count or 1) >= self._rules.max_dequeue_count:
            log.error("queue=%s message=%s went to poison", self._name, message.id)
            settings.queue(self._connection, poison(self._name)).send_message(message.content)
            queue.delete_message(message)
        else:
            queue.update_message(message, visibility_timeout=int(self._rules.visibility_timeout))

    def _quietly(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except ResourceNotFoundError:
            log.info("queue=%s message was taken by another", self._name)
        except AzureError as error:
            log.warning("queue=%s: %s; the message comes again", self._name, type(error).__name__)


def poison(queue: str) -> str:
    """Name the queue a message goes to after its last try."""
    return (
        "webjobs-blobtrigger-poison" if queue.startswith("azure-webjobs-blobtrigger") else f"{queue}-poison"
    )


class _Lease:
    """Keeps a message invisible while it is worked on; `message` carries the newest receipt."""

    def __init__(self, queue: QueueClient, message: QueueMessage, seconds: int) -> None:
        self._queue, self.message, self._seconds = queue, message, seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._over.wait(self._seconds / 2):
            try:
                renewed = self._queue.update_message(self.message, visibility_timeout=self._seconds)
                self.message.pop_receipt = renewed.pop_receipt
            except AzureError:
                return  # lost: it comes again, and functions are idempotent
