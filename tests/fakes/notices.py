"""Fakes of the ports Topic and People: what was told, and faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.ports import People, Topic
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from shared.domain.events import Event

CALLS = frozenset(
    f"{name}.{call}"
    for name, port in {"topic": Topic, "people": People}.items()
    for call in vars(port)
    if not call.startswith("_")
)


class FakeTopic:
    """`Topic` in memory: events, in the order of their coming."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.events: list[Event] = []

    def publish(self, events: Sequence[Event]) -> None:
        with self._faults.call("topic.publish"):
            self.events += events


class FakePeople:
    """`People` in memory: channel, title and text. deaf: channels that do not work."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.told: list[tuple[str, str, str]] = []
        self.deaf: set[str] = set()

    def tell(self, channels: Sequence[str], title: str, text: str) -> Mapping[str, str]:
        with self._faults.call("people.tell"):
            self.told += [(channel, title, text) for channel in channels if channel not in self.deaf]
        return {
            channel: f"what {channel} names did not take the notice"
            for channel in channels
            if channel in self.deaf
        }


class FakeNotices:
    """Both, with one switch for failures."""

    def __init__(self) -> None:
        self._faults = Faults(CALLS)
        self.topic, self.people = FakeTopic(self._faults), FakePeople(self._faults)

    @property
    def calls(self) -> Counter[str]:
        return self._faults.calls

    def stop_failing(self) -> None:
        """Switch every failure off."""
        self._faults.clear()

    def fail_next(self, name: str, error: Exception, *, times: int = 1, after: bool = False) -> None:
        self._faults.fail_next(name, error, times=times, after=after)
