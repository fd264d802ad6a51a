"""A question for metrics and its answer, as Azure Monitor has them on both of its doors.

One resource is asked by the resource manager's `metrics` (`list`), many by the data plane's
`metrics:getBatch`; Microsoft Learn, "How to migrate from the metrics API to the getBatch API", tells the
differences: `filter` without a dollar sign, start and end apart, the answers in a list.

Both cut the answer to `top` series a resource, ten where nothing is said (REST API reference): a deployment
that is cut off would look as if nobody asked it anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from shared.domain.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VERSION = "2024-02-01"
READER = "Monitoring Reader"
MOST_SERIES = "1000"
SUCCESS = "success"


@dataclass(frozen=True)
class Question:
    """What is asked of a resource: one metric's averages a minute; dimensions: told apart by these."""

    namespace: str
    metric: str
    since: datetime
    until: datetime
    dimensions: tuple[str, ...] = ()

    def of_one(self) -> dict[str, str]:
        """Give the query of `metrics`."""
        span = f"{_utc(self.since)}/{_utc(self.until)}"
        return {**self._common(), "timespan": span, **self._split("$filter")}

    def of_many(self) -> dict[str, str]:
        """Give the query of `metrics:getBatch`."""
        span = {"starttime": _utc(self.since), "endtime": _utc(self.until)}
        return {**self._common(), **span, **self._split("filter")}

    def _common(self) -> dict[str, str]:
        return {
            "api-version": VERSION,
            "interval": "PT1M",
            "aggregation": "Average",
            "metricnames": self.metric,
            "metricnamespace": self.namespace,
        }

    def _split(self, key: str) -> dict[str, str]:
        if not self.dimensions:
            return {}
        return {key: " and ".join(f"{name} eq '*'" for name in self.dimensions), "top": MOST_SERIES}


class _Name(msgspec.Struct):
    value: str


class _Dimension(msgspec.Struct):
    name: _Name
    value: str


class _Point(msgspec.Struct, gc=False):
    at: Annotated[datetime, msgspec.Meta(tz=True)] = msgspec.field(name="timeStamp")
    average: float | None = None


class Series(msgspec.Struct):
    """One metric of one resource by minute, for one value of each dimension."""

    metadatavalues: list[_Dimension] | None = None
    data: list[_Point] | None = None

    def points(self) -> dict[datetime, float]:
        """Give what there is; a minute without a figure is absent."""
        return {
            point.at.astimezone(UTC): point.average for point in self.data or () if point.average is not None
        }

    def dimension(self, name: str) -> str:
        """Give a dimension's value; Azure spells the names of dimensions as it likes."""
        values = self.metadatavalues or ()
        return next((one.value for one in values if one.name.value.lower() == name.lower()), "")


class _Metric(msgspec.Struct):
    timeseries: list[Series] | None = None
    errorCode: str | None = None  # noqa: N815 - Azure's name


class Answer(msgspec.Struct):
    """What is told of one resource; resourceid: in the answer to many alone."""

    value: list[_Metric] | None = None
    resourceid: str = ""

    def series(self, what: str) -> list[Series]:
        """Give the series; raises Transient where Azure says that a metric could not be read.

        Such a metric has no series either, and no figures are not the figure nought.
        """
        for metric in self.value or ():
            if metric.errorCode and metric.errorCode.lower() != SUCCESS:
                raise Transient("metrics-unread", f"Azure Monitor could not read {what}: {metric.errorCode}.")
        return [one for metric in self.value or () for one in metric.timeseries or ()]


class Answers(msgspec.Struct):
    """What is told of many resources, each by itself."""

    values: list[Answer]


def by_dimension(found: Iterable[Series], name: str) -> dict[str, Mapping[datetime, float]]:
    """Put the series together by one dimension, without those that have no figure."""
    told: dict[str, dict[datetime, float]] = {}
    for series in found:
        points = series.points()
        if points:
            told.setdefault(series.dimension(name), {}).update(points)
    return dict(told)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
