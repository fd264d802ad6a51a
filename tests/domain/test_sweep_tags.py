"""What people write on things, and when the sweep keeps quiet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import quiet
from shared.domain.errors import Rejected
from shared.domain.people_tags import Wishes
from shared.domain.recipe_text import read
from shared.domain.tags import EXPIRES, KEEP
from tests.domain.builders import NOON

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("tags", "keeps", "expired"),
    [
        ({}, False, False),
        ({KEEP: "the fair"}, True, False),
        ({KEEP: ""}, True, False),
        ({"Droptune-Keep": "x"}, True, False),
        ({KEEP: "x", EXPIRES: "2026-11-25"}, True, False),
        ({KEEP: "x", EXPIRES: "2026-11-24T12:00:00+00:00"}, False, False),
        ({KEEP: "x", EXPIRES: "next week"}, True, False),
        ({EXPIRES: "2026-11-24"}, False, True),
        ({EXPIRES: "2026-11-25"}, False, False),
        ({EXPIRES: "soon"}, False, False),
    ],
)
def test_what_people_s_tags_mean(tags: dict[str, str], keeps: bool, expired: bool) -> None:  # noqa: FBT001
    wishes = Wishes.of(tags)
    assert (wishes.keeps(NOON), wishes.expired(NOON)) == (keeps, expired)


def test_a_keep_says_until_when_and_why() -> None:
    assert Wishes.of({KEEP: "the fair", EXPIRES: "2026-11-25"}).said() == (
        "kept until 2026-11-25 00:00 UTC: the fair"
    )
    assert "'next week' is no date" in Wishes.of({KEEP: "x", EXPIRES: "next week"}).said()


def test_quiet_hours_follow_the_wall_clock_of_their_zone() -> None:
    night = "22:00-06:00 Europe/Zurich"
    winter = datetime(2026, 12, 1, 21, 30, tzinfo=UTC)
    assert quiet.until(night, winter) == datetime(2026, 12, 2, 5, tzinfo=UTC)
    summer = datetime(2026, 7, 1, 20, 30, tzinfo=UTC)
    assert quiet.until(night, summer) == datetime(2026, 7, 2, 4, tzinfo=UTC)
    assert quiet.until(night, datetime(2026, 12, 1, 20, 59, tzinfo=UTC)) is None
    assert quiet.until(None, winter) is None
    assert quiet.until("09:00-17:00 UTC", NOON) == datetime(2026, 11, 24, 17, tzinfo=UTC)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.times(),
    st.times(),
    st.sampled_from(["UTC", "Europe/Zurich", "America/New_York", "Asia/Kathmandu"]),
)
def test_quiet_hours_end_within_a_day_and_a_change_of_clocks(
    now: datetime, begins: object, ends: object, zone: str
) -> None:
    hours = f"{begins:%H:%M}-{ends:%H:%M} {zone}"
    if f"{begins:%H:%M}" == f"{ends:%H:%M}":
        return
    until = quiet.until(hours, now)
    if until is not None:
        assert now < until <= now + 25 * HOUR
        assert quiet.until(hours, until) is None


def test_a_zone_nobody_knows_is_refused_with_the_recipe() -> None:
    with pytest.raises(Rejected, match="is no time zone"):
        read({"cost": {"quiet_hours": "22:00-06:00 Europe/Zurich-West"}}, "support")
    with pytest.raises(Rejected, match=r"cost\.quiet_hours"):
        read({"cost": {"quiet_hours": "25:00-06:00 UTC"}}, "support")
    with pytest.raises(Rejected, match="end where they begin"):
        read({"cost": {"quiet_hours": "06:00-06:00 UTC"}}, "support")
