"""A topic that delivers events to webhooks, for whoever raises them; it knows no Azure package.

`Topic` does the validation handshake, delivers at least once in no certain order, and retries as Event Grid
does (MicrosoftDocs/azure-docs, event-grid/delivery-and-retry.md). Faults can be switched on. URLs hold keys,
so they are never logged whole.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

log = logging.getLogger("eventgrid")
VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
NEVER_RETRIED = frozenset({400, 401, 403, 413})
DELIVERED = frozenset(range(200, 205))
RETRY_SECONDS = (10, 30, 60, 300, 600, 1800, 3600)
HANDSHAKE_SECONDS = 600.0
ACK_SECONDS = 30.0


@dataclass
class Faults:
    """What goes wrong on purpose. Shares between 0 and 1; delay in seconds for every event."""

    lose: float = 0.0
    double: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    seed: int = 0
    chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - faults must be the same for the same seed

    def schedule(self) -> list[float]:
        """Say after how many seconds each copy of an event goes out; no entry: it is lost."""
        if self.chance.random() < self.lose:
            return []
        late = self.delay + (self.chance.uniform(0.5, 3.0) if self.chance.random() < self.reorder else 0.0)
        return [late, late + 0.2] if self.chance.random() < self.double else [late]


@dataclass(frozen=True)
class Subscription:
    """Where events go, and which."""

    name: str
    url: str
    types: tuple[str, ...] = ()
    begins_with: str = ""
    ends_with: str = ""

    @property
    def shown(self) -> str:
        """The URL without its query, which holds a key."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    def wants(self, event: Mapping[str, Any]) -> bool:
        """Filter as Event Grid does: by type, and by subject without regard to case."""
        subject = str(event.get("subject", "")).lower()
        return (
            (not self.types or (event.get("eventType") or event.get("type")) in self.types)
            and subject.startswith(self.begins_with.lower())
            and subject.endswith(self.ends_with.lower())
        )


class Topic:
    """A topic with subscriptions. `publish` returns at once; delivery goes on in the background."""

    def __init__(
        self,
        topic_id: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),  # noqa: TID251 - this is a program's edge
        retry_scale: float = 1.0,
    ) -> None:
        self.id = topic_id
        self.faults = Faults()
        self.history: deque[dict[str, Any]] = deque(maxlen=1000)
        self.dead_letters: deque[dict[str, Any]] = deque(maxlen=1000)
        self._now, self._scale = now, retry_scale
        self._subscriptions: dict[str, Subscription] = {}
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(16, "eventgrid")
        logging.getLogger("httpx").setLevel(logging.WARNING)  # below that it logs each URL whole, key and all
        self._client = httpx.Client(timeout=ACK_SECONDS, trust_env=False)

    def subscribe(
        self,
        name: str,
        url: str,
        *,
        included_event_types: Sequence[str] = (),
        subject_begins_with: str = "",
        subject_ends_with: str = "",
    ) -> None:
        """Validate the webhook in the background; events are delivered once it has answered."""
        subscription = Subscription(
            name, url, tuple(included_event_types), subject_begins_with, subject_ends_with
        )
        self._pool.submit(self._validate, subscription)

    @property
    def subscriptions(self) -> list[str]:
        """Name the subscriptions whose webhook has answered the handshake."""
        return sorted(self._subscriptions)

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Hand events, in Event Grid's schema or as CloudEvents, to every subscription that wants them."""
        for event in events:
            grid = {} if "specversion" in event else {"dataVersion": "", "metadataVersion": "1"}
            whole = {**({"topic": self.id} if grid else {}), **grid, **event}
            self.history.append(whole)
            for subscription in list(self._subscriptions.values()):
                if subscription.wants(whole):
                    for delay in self.faults.schedule():
                        self._later(delay, subscription, whole, 0)

    def close(self) -> None:
        """Stop delivering; what is not delivered is lost, as the process is."""
        self._over.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _validate(self, subscription: Subscription) -> None:
        code = str(uuid.uuid4())
        data = {"validationCode": code, "validationUrl": "https://example.invalid/validate"}
        event = {"id": str(uuid.uuid4()), "topic": self.id, "subject": "", "eventType": VALIDATION}
        event |= {"eventTime": self._now().isoformat(), "dataVersion": "1", "metadataVersion": "1"}
        until, wait, answer = time.monotonic() + HANDSHAKE_SECONDS, 0.2, None
        while not self._over.is_set() and time.monotonic() < until:
            answer = self._post(subscription, [event | {"data": data}], "SubscriptionValidation")
            if _echoed(answer) == code:
                self._subscriptions[subscription.name] = subscription
                log.info("subscription %s: %s answered the handshake", subscription.name, subscription.shown)
                return
            self._over.wait(wait)
            wait = min(wait * 1.5, 5.0)
        status = answer.status_code if answer is not None else "no answer"
        log.error("subscription %s: no handshake with %s: %s", subscription.name, subscription.shown, status)

    def _later(self, delay: float, subscription: Subscription, event: Mapping[str, Any], tries: int) -> None:
        if self._over.is_set():
            return
        if delay <= 0:
            with suppress(RuntimeError):  # closed between the look above and this line
                self._pool.submit(self._deliver, subscription, event, tries)
            return
        timer = threading.Timer(delay, self._later, (0, subscription, event, tries))
        timer.daemon = True
        timer.start()

    def _deliver(self, subscription: Subscription, event: Mapping[str, Any], tries: int) -> None:
        answer = self._post(subscription, [event], "Notification")
        status = answer.status_code if answer is not None else None
        if status in DELIVERED:
            return
        log.warning("event %s to %s: %s", event.get("id"), subscription.name, status or "no answer")
        if status in NEVER_RETRIED or tries >= len(RETRY_SECONDS):
            self.dead_letters.append(
                {**event, "deadLetterReason": str(status), "deliveryAttempts": tries + 1}
            )
            return
        self._later(RETRY_SECONDS[tries] * self._scale, subscription, event, tries + 1)

    def _post(
        self, subscription: Subscription, events: Sequence[Mapping[str, Any]], kind: str
    ) -> httpx.Response | None:
        try:
            return self._client.post(subscription.url, json=list(events), headers={"aeg-event-type": kind})
        except (httpx.HTTPError, RuntimeError):  # RuntimeError: the client was closed meanwhile
            return None


def _echoed(answer: httpx.Response | None) -> object:
    """Read the code out of a handshake's answer; None where it is no such answer."""
    if answer is None or answer.status_code != httpx.codes.OK:
        return None
    try:
        body = answer.json()
    except ValueError:
        return None
    return body.get("validationResponse") if isinstance(body, dict) else None
