"""The retail price list's answers, read and kept; and the bundled table where there are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.adapters import prices
from shared.adapters.prices import RetailPrices
from tests.adapters.azureml.https import Reply, Seen, Service, service

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = "Standard_NC24ads_A100_v4"


class Clock:
    """A clock that a test turns on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as patch, service(tmp_path_factory.mktemp("service"), patch) as made:
        yield made


@pytest.fixture
def azure(running: Service) -> Service:
    running.reset()
    return running


@pytest.fixture
def clock() -> Clock:
    return Clock()


def item(price: float, **changes: Any) -> dict[str, Any]:
    return {
        "retailPrice": price,
        "unitOfMeasure": "1 Hour",
        "productName": "Virtual Machines NCadsA100v4 Series",
        "skuName": "NC24ads A100 v4",
        "meterName": "NC24ads A100 v4",
        **changes,
    }


def listed(azure: Service, clock: Clock, *items: dict[str, Any]) -> RetailPrices:
    azure.answer = lambda _: Reply(body={"Items": list(items), "NextPageLink": None})
    return RetailPrices(f"{azure.url}/api/retail/prices", clock)


def test_the_plain_hourly_price_is_taken(azure: Service, clock: Clock) -> None:
    found = listed(
        azure,
        clock,
        item(1.0, productName="Virtual Machines NCadsA100v4 Series Windows"),
        item(0.5, skuName="NC24ads A100 v4 Spot"),
        item(0.4, meterName="NC24ads A100 v4 Low Priority"),
        item(0.1, unitOfMeasure="1 Month"),
        item(0.0),
        item(3.673),
    )
    assert found.hourly_usd(SIZE, "eastus2") == 3.673
    assert found.hourly_usd(SIZE, "eastus2", "low_priority") == 0.4
    assert len(azure.lines) == 1  # one look tells both
    asked = parse_qs(urlsplit(azure.lines[0].removeprefix("GET ")).query)
    assert asked["currencyCode"] == ["'USD'"]
    assert asked["api-version"] == ["2023-01-01-preview"]
    assert asked["$filter"][0].split(" and ") == [
        f"armSkuName eq '{SIZE}'",
        "armRegionName eq 'eastus2'",
        "serviceName eq 'Virtual Machines'",
        "priceType eq 'Consumption'",
    ]
    assert "Authorization" not in azure.seen[0].headers


def test_every_page_is_read(azure: Service, clock: Clock) -> None:
    def answer(seen: Seen) -> Reply:
        if "page=2" in seen.line:
            return Reply(body={"Items": [item(3.673)], "NextPageLink": None})
        windows = item(1.0, productName="Virtual Machines Windows")
        return Reply(body={"Items": [windows], "NextPageLink": f"{azure.url}/prices?page=2"})

    azure.answer = answer
    assert RetailPrices(f"{azure.url}/prices", clock).hourly_usd(SIZE, "eastus2") == 3.673


def test_an_answer_is_kept_for_a_day(azure: Service, clock: Clock) -> None:
    found = listed(azure, clock, item(3.0))
    for _ in range(3):
        assert found.hourly_usd(SIZE, "eastus2") == 3.0
    assert len(azure.seen) == 1
    clock.now += timedelta(hours=23, minutes=59)
    found.hourly_usd(SIZE, "eastus2")
    assert len(azure.seen) == 1
    clock.now += timedelta(minutes=1)
    found.hourly_usd(SIZE, "eastus2")
    assert len(azure.seen) == 2
    found.hourly_usd(SIZE, "westeurope")
    assert len(azure.seen) == 3


def test_what_neither_list_nor_table_knows_is_unknown(azure: Service, clock: Clock) -> None:
    found = listed(azure, clock)
    assert found.hourly_usd("Standard_No_Such_Size", "eastus2") is None
    assert found.hourly_usd("Standard_No_Such_Size", "eastus2") is None
    assert len(azure.seen) == 1


def test_the_table_counts_where_the_list_cannot_be_had(azure: Service, clock: Clock) -> None:
    azure.answer = lambda _: Reply(400)
    found = RetailPrices(f"{azure.url}/prices", clock)
    expected = prices.bundled()["hourly_usd"][SIZE]
    assert found.hourly_usd(SIZE.lower(), "eastus2") == expected
    assert found.hourly_usd("Standard_No_Such_Size", "eastus2") is None


def test_the_list_is_asked_again_soon_after_it_failed(azure: Service, clock: Clock) -> None:
    azure.answer = lambda _: Reply(400)
    found = RetailPrices(f"{azure.url}/prices", clock)
    found.hourly_usd(SIZE, "eastus2")
    found.hourly_usd(SIZE, "eastus2")
    assert len(azure.seen) == 1
    azure.answer = lambda _: Reply(body={"Items": [item(9.0)]})
    clock.now += timedelta(minutes=15)
    assert found.hourly_usd(SIZE, "eastus2") == 9.0


def test_the_table_is_dated_and_of_gpus() -> None:
    table = prices.bundled()
    assert table["as_of"].count("-") == 1
    assert table["location"]
    assert all(price > 0 for price in table["hourly_usd"].values())
    assert SIZE in table["hourly_usd"]


def test_low_priority_without_a_price_costs_no_more_than_dedicated(azure: Service, clock: Clock) -> None:
    found = listed(azure, clock, item(3.673), item(0.5, skuName="NC24ads A100 v4 Spot"))
    assert found.hourly_usd(SIZE, "eastus2", "low_priority") == 3.673
    unknown = listed(azure, clock)
    assert unknown.hourly_usd("Standard_No_Such_Size", "eastus2", "low_priority") is None
