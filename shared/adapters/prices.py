"""Retail prices: Azure's public list, else a bundled and dated table. Unknown is never nought."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from shared.adapters.azureml.errors import mapped
from shared.domain.errors import DroptuneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

VERSION = "2023-01-01-preview"
KEPT = timedelta(days=1)
NOT_OURS = ("windows", "spot", "low priority")


class RetailPrices:
    """`shared.ports.Prices` over the retail price list; each answer is kept for a day."""

    def __init__(self, url: str, now: Callable[[], datetime]) -> None:
        self._url, self._now = url, now
        self._known: dict[tuple[str, str], tuple[datetime, float | None]] = {}

    def hourly_usd(self, instance_type: str, location: str) -> float | None:
        """Price one instance for an hour; None: neither list nor table knows it."""
        key = (instance_type, location)
        at, price = self._known.get(key, (None, None))
        if at is None or self._now() - at > KEPT:
            price = self._look_up(instance_type, location)
            self._known[key] = (self._now(), price)
        return price

    def _look_up(self, instance_type: str, location: str) -> float | None:
        try:
            prices = list(self._items(instance_type, location))
        except DroptuneError:
            prices = []
        if prices:
            return min(prices)
        table: dict[str, float] = bundled()["hourly_usd"]
        return next((p for name, p in table.items() if name.lower() == instance_type.lower()), None)

    def _items(self, instance_type: str, location: str) -> Iterator[float]:
        wanted = (
            f"armSkuName eq '{instance_type}' and armRegionName eq '{location}' "
            "and serviceName eq 'Virtual Machines' and priceType eq 'Consumption'"
        )
        url: str | None = f"{self._url}?" + urlencode(
            {"api-version": VERSION, "currencyCode": "'USD'", "$filter": wanted}
        )
        while url:
            page = _get(url)
            yield from (float(item["retailPrice"]) for item in page.get("Items") or () if _is_plain(item))
            url = page.get("NextPageLink")


def _is_plain(item: dict[str, Any]) -> bool:
    named = " ".join(str(item.get(key, "")) for key in ("productName", "skuName", "meterName")).lower()
    return item.get("unitOfMeasure") == "1 Hour" and not any(word in named for word in NOT_OURS)


def _get(url: str) -> dict[str, Any]:
    from azure.core import PipelineClient
    from azure.core.rest import HttpRequest

    with mapped("the price list"), PipelineClient(url, connection_timeout=5, read_timeout=10) as client:
        response = client.send_request(HttpRequest("GET", url))
        response.raise_for_status()
        return dict(response.json())


@cache
def bundled() -> dict[str, Any]:
    """Read the bundled table: `{as_of, location, hourly_usd}`."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text("utf-8"))
    return found
