"""Retail prices in the shape of prices.azure.com, out of the emulator's own table of sizes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.azureml import catalogue
from local.azureml.errors import bad_request
from local.azureml.web import Answer, Way

if TYPE_CHECKING:
    from local.azureml.settings import Settings
    from local.azureml.web import Call, Json

_CONDITION = re.compile(r"\s*(?P<field>\w+)\s+eq\s+'(?P<value>[^']*)'\s*")
_SPOT = 0.2
_WINDOWS = 1.25


class Prices:
    """What each size costs an hour in the emulator's region: Linux, Windows and spot."""

    def __init__(self, settings: Settings) -> None:
        """Offer the prices of the settings' region."""
        self._region = settings.place.location

    def ways(self) -> list[Way]:
        """Return the route; like the real one it needs no sign-in."""
        return [Way("GET", "/api/retail/prices", self._list, open=True)]

    def _list(self, call: Call) -> Answer:
        wanted = _filter(call.query.get("$filter", ""))
        rows = [row for item in catalogue.sizes() for row in self._rows(item)]
        found = [row for row in rows if all(str(row.get(k)) == v for k, v in wanted.items())]
        return Answer(
            body={
                "BillingCurrency": "USD",
                "CustomerEntityId": "Default",
                "CustomerEntityType": "Retail",
                "Items": found,
                "NextPageLink": None,
                "Count": len(found),
            }
        )

    def _rows(self, item: Json) -> list[Json]:
        product = f"Virtual Machines {item['family']}"
        label = item["name"].removeprefix("Standard_").replace("_", " ")
        price = item["hourlyUsd"]
        return [
            self._row(item, product, label, price),
            self._row(item, product, f"{label} Spot", round(price * _SPOT, 6)),
            self._row(item, product, f"{label} Low Priority", round(price * _SPOT, 6)),
            self._row(item, f"{product} Windows", label, round(price * _WINDOWS, 6)),
        ]

    def _row(self, item: Json, product: str, label: str, price: float) -> Json:
        return {
            "currencyCode": "USD",
            "tierMinimumUnits": 0.0,
            "retailPrice": price,
            "unitPrice": price,
            "armRegionName": self._region,
            "location": self._region,
            "effectiveStartDate": catalogue.prices_from(),
            "meterName": label,
            "productName": product,
            "skuName": label,
            "serviceName": "Virtual Machines",
            "serviceFamily": "Compute",
            "unitOfMeasure": "1 Hour",
            "type": "Consumption",
            "priceType": "Consumption",
            "isPrimaryMeterRegion": True,
            "armSkuName": item["name"],
            "source": "the emulator's own table, not Azure's",
        }


def _filter(text: str) -> dict[str, str]:
    """Return the conditions; the real service is case-sensitive in values, so is this one."""
    wanted = {}
    for part in text.split(" and ") if text.strip() else []:
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise bad_request(f"Filter part '{part}' is not FIELD eq 'VALUE', joined by and.")
        wanted[match["field"]] = match["value"]
    return wanted
