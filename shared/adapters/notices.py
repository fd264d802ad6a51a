"""Notices: CloudEvents to a custom Event Grid topic, words to people through apprise.

Microsoft Learn, "Publish events to Event Grid custom topics": at least once, at most 1 MB at once; a client
with an identity needs the role EventGrid Data Sender.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from shared.adapters.azureml import patience
from shared.adapters.azureml.errors import mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from azure.eventgrid import EventGridPublisherClient

    from shared.domain.events import Event

SENDER = "EventGrid Data Sender"


class EventGridTopic:
    """`shared.ports.Topic` over a custom topic; with no URL there is nobody to tell."""

    def __init__(self, url: str, key: str, credential: Callable[[], Any]) -> None:
        self._url, self._key, self._credential = url, key, credential
        self._client: EventGridPublisherClient | None = None
        self._lock = threading.Lock()

    def publish(self, events: Sequence[Event]) -> None:
        """Send events as CloudEvents, in one call."""
        if not self._url or not events:
            return
        from azure.core.messaging import CloudEvent

        sent = [
            CloudEvent(
                source=event.source,
                type=event.type,
                id=event.id,
                time=event.time,
                subject=event.subject,
                datacontenttype=event.datacontenttype,
                data=event.data,
                extensions={"sequence": event.sequence},
            )
            for event in events
        ]
        with mapped("the events topic", SENDER):
            self._open().send(sent)

    def _open(self) -> EventGridPublisherClient:
        with self._lock:
            if self._client is None:
                from azure.core.credentials import AzureKeyCredential
                from azure.eventgrid import EventGridPublisherClient

                who = AzureKeyCredential(self._key) if self._key else self._credential()
                options = {"transport": patience.transport(), **patience.RETRIES}
                self._client = EventGridPublisherClient(self._url, who, **options)
            return self._client


class Apprise:
    """`shared.ports.People` through apprise. addresses: URLs by the names of the settings that hold them."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses

    def tell(self, channels: Sequence[str], title: str, text: str) -> Mapping[str, str]:
        """Tell each channel; a URL holds a secret, so only its setting's name is ever said."""
        faults = {}
        for name in channels:
            url = self._addresses.get(name, "").strip()
            if not url:
                faults[name] = f"the setting {name} is not set"
            elif not self._tell(url, title, text):
                faults[name] = f"what {name} names did not take the notice"
        return faults

    def _tell(self, url: str, title: str, text: str) -> bool:
        from apprise import Apprise as Channels
        from apprise import NotifyFormat

        # It logs a URL it cannot read whole, secret and all.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        channels = Channels()
        # Plain text, said to be so: a channel of HTML or Markdown, as mail and Teams are, would take a file's
        # name in a reason for a link or a mention.
        return bool(channels.add(url) and channels.notify(text, title, body_format=NotifyFormat.TEXT))
