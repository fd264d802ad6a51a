"""Retail prices of instances: Azure's public list, else a bundled and dated table. Unknown is never nought.

Microsoft Learn, "Azure Retail Prices REST API": no sign-in; values in filters are case-sensitive.
"""

from __future__ import annotations

import json
import logging
import threading
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from shared.adapters.azureml import patience
from shared.adapters.azureml.errors import mapped
from shared.domain.errors import DroptuneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from azure.core import PipelineClient

LOG = logging.getLogger(__name__)
VERSION = "2023-01-01-preview"
KEPT = timedelta(days=1)
KEPT_BUNDLED = timedelta(minutes=15)  # the list may be back soon
NOT_OURS = ("windows", "spot", "low priority")


class RetailPrices:
    """`shared.ports.Prices` over the retail price list; each of its answers is kept for a day."""

    def __init__(self, url: str, now: Callable[[], datetime]) -> None:
        self._url, self._now = url, now
        self._known: dict[tuple[str, str], tuple[datetime, float | None]] = {}
        self._client: PipelineClient[Any, Any] | None = None
        self._lock = threading.Lock()

    def hourly_usd(self, instance_type: str, location: str) -> float | None:
        """Price one instance for an hour; None: neither list nor table knows it."""
        key = (instance_type.lower(), location.lower())
        until, price = self._known.get(key, (None, None))
        if until is None or self._now() >= until:
            kept, price = self._look_up(instance_type, location)
            self._known[key] = (self._now() + kept, price)
        return price

    def _look_up(self, instance_type: str, location: str) -> tuple[timedelta, float | None]:
        try:
            with mapped("the price list"):
                found = list(self._items(instance_type, location))
        except DroptuneError as error:
            LOG.warning("%s The bundled prices of %s count.", error, bundled()["as_of"])
            return KEPT_BUNDLED, _bundled(instance_type)
        return KEPT, min(found) if found else _bundled(instance_type)

    def _items(self, instance_type: str, location: str) -> Iterator[float]:
        wanted = (
            f"armSkuName eq '{instance_type}' and armRegionName eq '{location}' "
            "and serviceName eq 'Virtual Machines' and priceType eq 'Consumption'"
        )
        query = {"api-version": VERSION, "currencyCode": "'USD'", "$filter": wanted}
        url: str | None = f"{self._url}?{urlencode(query)}"
        while url:
            page = self._get(url)
            yield from (float(item["retailPrice"]) for item in page.get("Items") or () if _is_plain(item))
            url = page.get("NextPageLink")

    def _get(self, url: str) -> dict[str, Any]:
        from azure.core.rest import HttpRequest

        with self._lock:
            self._client = self._client or patience.open_client()
        response = self._client.send_request(HttpRequest("GET", url))
        response.raise_for_status()
        return dict(response.json())


def _is_plain(item: dict[str, Any]) -> bool:
    named = " ".join(str(item.get(key, "")) for key in ("productName", "skuName", "meterName")).lower()
    price = float(item.get("retailPrice") or 0)
    return item.get("unitOfMeasure") == "1 Hour" and price > 0 and not any(word in named for word in NOT_OURS)


def _bundled(instance_type: str) -> float | None:
    """Price by the table: of one region, so that elsewhere it is of the right size and no more."""
    table: dict[str, float] = bundled()["hourly_usd"]
    return next((price for name, price in table.items() if name.lower() == instance_type.lower()), None)


@cache
def bundled() -> dict[str, Any]:
    """Read the bundled table: `{as_of, location, note, hourly_usd}`."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text("utf-8"))
    return found
