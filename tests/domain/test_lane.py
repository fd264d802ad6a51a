from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain import lane as lanes
from shared.domain.lane import Lane, Place
from tests.domain.builders import NOON, champion

EMPTY = Lane(recipe="support")
places = st.builds(
    Place, st.integers(0, 500).map(lambda m: NOON + timedelta(minutes=m)), st.text("abc", min_size=1)
)


def at(minutes: int, name: str) -> Place:
    return Place(NOON + timedelta(minutes=minutes), name)


def test_the_first_trains_and_the_second_waits() -> None:
    lane = lanes.enter_training(EMPTY, at(0, "a"), parallel=False)
    lane = lanes.enter_training(lane, at(1, "b"), parallel=False)
    assert lane.training == (at(0, "a"),)
    assert lane.waiting == (at(1, "b"),)


def test_who_waits_longest_in_the_order_of_drops_is_next() -> None:
    lane = lanes.enter_training(EMPTY, at(0, "a"), parallel=False)
    for place in (at(9, "late"), at(1, "early")):
        lane = lanes.enter_training(lane, place, parallel=False)
    lane = lanes.leave_training(lane, "a")
    assert lanes.next_in_line(lane) == ["early"]
    assert lanes.enter_training(lane, at(9, "late"), parallel=False).training == ()
    assert lanes.enter_training(lane, at(1, "early"), parallel=False).training == (at(1, "early"),)


def test_in_parallel_all_train() -> None:
    lane = EMPTY
    for place in (at(0, "a"), at(1, "b")):
        lane = lanes.enter_training(lane, place, parallel=True)
    assert lane.training == (at(0, "a"), at(1, "b"))
    assert lane.waiting == ()


@given(st.lists(places, max_size=20), st.booleans())
def test_entering_twice_is_once_and_nobody_is_lost(entering: list[Place], parallel: bool) -> None:  # noqa: FBT001
    lane = EMPTY
    for place in entering:
        lane = lanes.enter_training(lane, place, parallel=parallel)
        assert lanes.enter_training(lane, place, parallel=parallel) == lane
    assert set(lane.training) | set(lane.waiting) == set(entering)
    assert parallel or len(lane.training) <= 1


def test_one_deploys_at_a_time() -> None:
    lane = lanes.take_deploy_slot(EMPTY, at(0, "a"))
    lane = lanes.take_deploy_slot(lane, at(1, "b"))
    assert lane.deploying == "a"
    assert lane.deploy_waiting == (at(1, "b"),)
    assert lanes.next_in_line(lanes.leave(lane, "a")) == ["b"]


def test_the_dead_hold_nothing() -> None:
    lane = lanes.take_deploy_slot(lanes.enter_training(EMPTY, at(0, "a"), parallel=False), at(0, "a"))
    assert lanes.without_dead(lane, lambda _name: False) == EMPTY


def test_a_crowned_champion_pushes_the_old_one_aside() -> None:
    old, new = champion("old"), champion("new", minutes=5)
    lane = lanes.crown(lanes.crown(EMPTY, old, NOON), replace(new, deployment="rnew"), NOON)
    assert lane.champion is not None
    assert lane.champion.deployment == "rnew"
    assert lane.previous == replace(old, until=NOON)
    assert lane.deploying is None


def test_crowning_twice_is_once() -> None:
    once = lanes.crown(EMPTY, champion(), NOON)
    assert lanes.crown(once, champion(), NOON) == once


def test_going_back_swaps_the_two() -> None:
    new = replace(champion("new", minutes=5), deployment="rnew")
    lane = lanes.crown(lanes.crown(EMPTY, champion("old"), NOON), new, NOON)
    back = lanes.swap_back(lane, NOON, NOON + timedelta(hours=1))
    assert back.champion is not None
    assert back.previous is not None
    assert (back.champion.deployment, back.previous.deployment) == ("rold", "rnew")
    assert back.champion.until is None


def test_what_is_gone_is_written_out() -> None:
    lane = lanes.crown(EMPTY, champion(), NOON)
    assert lanes.without_deployment(lane, "support-12345678", "rold").champion is None
    gone = lanes.without_endpoint(lane, "support-12345678")
    assert (gone.champion, gone.endpoint) == (None, None)


def test_versions_only_grow() -> None:
    lane, first = lanes.choose_version(EMPTY, NOON)
    lane, second = lanes.choose_version(lane, NOON - timedelta(days=1))
    assert second == first + 1
    assert lane.last_version == second


def test_an_older_drop_is_known_by_time_then_name() -> None:
    lane = lanes.crown(EMPTY, champion("b", minutes=0), NOON)
    assert lane.newer_than(at(0, "a"))
    assert not lane.newer_than(at(0, "c"))
    assert not lane.newer_than(at(1, "a"))
