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
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from azure.core import PipelineClient

    from shared.domain.sizes import Tier

LOG = logging.getLogger(__name__)
VERSION = "2023-01-01-preview"
KEPT = timedelta(days=1)
KEPT_BUNDLED = timedelta(minutes=15)  # the list may be back soon
NOT_OURS = ("windows", "spot")
LOW = "low priority"


class RetailPrices:
    """`shared.ports.Prices` over the retail price list; each of its answers is kept for a day."""

    def __init__(self, url: str, now: Callable[[], datetime]) -> None:
        self._url, self._now = url, now
        self._known: dict[tuple[str, str], tuple[datetime, Mapping[str, float]]] = {}
        self._client: PipelineClient[Any, Any] | None = None
        self._lock = threading.Lock()

    def hourly_usd(self, instance_type: str, location: str, tier: Tier = "dedicated") -> float | None:
        """Price one instance for an hour; None: neither list nor table knows it."""
        key = (instance_type.lower(), location.lower())
        until, prices = self._known.get(key, (None, {}))
        if until is None or self._now() >= until:
            kept, prices = self._look_up(instance_type, location)
            self._known[key] = (self._now() + kept, prices)
        return prices.get(tier, prices.get("dedicated"))

    def _look_up(self, instance_type: str, location: str) -> tuple[timedelta, Mapping[str, float]]:
        try:
            with mapped("the price list"):
                found = list(self._items(instance_type, location))
        except DroptuneError as error:
            LOG.warning("%s The bundled prices of %s count.", error, bundled()["as_of"])
            return KEPT_BUNDLED, _bundled(instance_type)
        prices: dict[str, float] = {}
        for tier, price in found:
            prices[tier] = min(price, prices.get(tier, price))
        return KEPT, {**_bundled(instance_type), **prices}

    def _items(self, instance_type: str, location: str) -> Iterator[tuple[Tier, float]]:
        wanted = (
            f"armSkuName eq '{instance_type}' and armRegionName eq '{location}' "
            "and serviceName eq 'Virtual Machines' and priceType eq 'Consumption'"
        )
        query = {"api-version": VERSION, "currencyCode": "'USD'", "$filter": wanted}
        url: str | None = f"{self._url}?{urlencode(query)}"
        while url:
            page = self._get(url)
            for item in page.get("Items") or ():
                tier = _tier(item)
                if tier is not None:
                    yield tier, float(item["retailPrice"])
            url = page.get("NextPageLink")

    def _get(self, url: str) -> dict[str, Any]:
        from azure.core.rest import HttpRequest

        with self._lock:
            self._client = self._client or patience.open_client()
        response = self._client.send_request(HttpRequest("GET", url))
        response.raise_for_status()
        return dict(response.json())


def _tier(item: dict[str, Any]) -> Tier | None:
    """Tell which tier's price an item is; None: a price of something else."""
    named = " ".join(str(item.get(key, "")) for key in ("productName", "skuName", "meterName")).lower()
    price = float(item.get("retailPrice") or 0)
    if item.get("unitOfMeasure") != "1 Hour" or price <= 0 or any(word in named for word in NOT_OURS):
        return None
    return "low_priority" if LOW in named else "dedicated"


def _bundled(instance_type: str) -> dict[str, float]:
    """Price by the table: of one region, so that elsewhere it is of the right size and no more."""
    table: dict[str, float] = bundled()["hourly_usd"]
    found = [price for name, price in table.items() if name.lower() == instance_type.lower()]
    return {"dedicated": found[0]} if found else {}


@cache
def bundled() -> dict[str, Any]:
    """Read the bundled table: `{as_of, location, note, hourly_usd}`."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text("utf-8"))
    return found
