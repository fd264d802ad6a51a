"""Keep a queue message invisible while it is worked on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceNotFoundError

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage  # noqa: TID251 - the host talks to real queues


class Lease:
    """Renews a message's invisible time at its half; `message` carries the newest receipt."""

    def __init__(self, queue: QueueClient, message: QueueMessage, seconds: int) -> None:
        self._queue, self.message, self._seconds = queue, message, seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Renew no more; the receipt is the newest when this returns."""
        self._over.set()
        self._thread.join()

    def _renew(self) -> None:
        wait = self._seconds / 2
        while not self._over.wait(wait):
            wait = self._seconds / 2
            try:
                renewed = self._queue.update_message(self.message, visibility_timeout=self._seconds)
                self.message.pop_receipt = renewed.pop_receipt
            except ResourceNotFoundError:
                return  # taken by another, and functions are idempotent
            except AzureError:
                wait = self._seconds / 8  # there is time for a few more tries
