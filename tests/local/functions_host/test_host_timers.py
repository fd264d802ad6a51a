"""Timers: the schedule's words, one call at a time, what was missed is made up for by one call."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest

from local.functions_host.calls import Caller
from local.functions_host.index import Function
from local.functions_host.timers import BadSchedule, Timer, next_tick
from tests.local.azureml.rig import until
from tests.local.functions_host.rig import quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.functions_host.rig import Host

TUESDAY = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "tick"),
    [
        ("0 * * * * *", datetime(2026, 11, 24, 12, 1, tzinfo=UTC)),
        ("0 */15 * * * *", datetime(2026, 11, 24, 12, 15, tzinfo=UTC)),
        ("*/5 * * * * *", datetime(2026, 11, 24, 12, 0, 35, tzinfo=UTC)),
        ("30 0 12 * * *", datetime(2026, 11, 25, 12, 0, 30, tzinfo=UTC)),  # strictly after
        ("0 30 9 * * 1-5", datetime(2026, 11, 25, 9, 30, tzinfo=UTC)),
        ("0 0 0 * * 0", datetime(2026, 11, 29, tzinfo=UTC)),  # 0 is Sunday
        ("0 0 0 13 * 5", datetime(2027, 8, 13, tzinfo=UTC)),  # both must match: a Friday the 13th
    ],
)
def test_ncrontab(schedule: str, tick: datetime) -> None:
    assert next_tick(schedule, TUESDAY) == tick


def timer(act: Callable[[func.TimerRequest], None], schedule: str = "* * * * * *", **more: Any) -> Timer:
    binding = {"name": "timer", "schedule": schedule, **more}
    return Timer(
        Function("t", act, "timerTrigger", "timer", binding, func.TimerRequest, returns=False), Caller()
    )


@pytest.mark.parametrize(
    "schedule", ["", "* * * * *", "* * * * * * *", "60 * * * * *", "0 0 0 * * often", "@daily"]
)
def test_a_wrong_schedule_is_refused_at_once(schedule: str) -> None:
    with pytest.raises(BadSchedule, match="six fields"):
        timer(lambda timer: None, schedule)  # noqa: ARG005 - the binding's name


def test_one_call_at_a_time_and_missed_ticks_are_made_up_for_by_one() -> None:
    late: list[bool] = []
    at_once: list[int] = []
    under_way = threading.Semaphore(1)
    go = threading.Event()

    def tick(timer: func.TimerRequest) -> None:
        at_once.append(under_way.acquire(blocking=False))
        late.append(timer.past_due)
        if len(late) == 1:
            go.wait(30)
        under_way.release()

    running = timer(tick)
    running.start()
    until(lambda: late, 5, "the first tick")
    quiet(3.2)  # at least three ticks go by
    assert late == [False]
    go.set()
    until(lambda: len(late) >= 3, 5, "the ticks after")
    running.stop()

    assert late[:3] == [False, True, False]
    assert all(at_once)


def test_exceptions_do_not_stop_it() -> None:
    calls = []

    def tick(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
        calls.append(1)
        raise RuntimeError("each time")

    running = timer(tick)
    running.start()
    until(lambda: len(calls) >= 2, 10, "a second tick")
    running.stop()


def test_run_on_startup_calls_at_once() -> None:
    calls: list[bool] = []
    running = timer(lambda timer: calls.append(timer.past_due), "0 0 0 1 1 *", runOnStartup=True)
    running.start()
    until(lambda: calls == [False], 5, "the call")
    running.stop()


def test_a_stopped_timer_ticks_no_more() -> None:
    calls: list[int] = []
    running = timer(lambda timer: calls.append(1))  # noqa: ARG005 - the binding's name
    running.start()
    until(lambda: calls, 5, "a tick")
    running.stop()
    seen = len(calls)
    quiet(1.5)

    assert len(calls) <= seen + 1


def test_a_schedule_is_a_setting_and_a_disabled_function_is_not_called(
    make_host: Callable[..., Host],
) -> None:
    host = make_host(TOY_SCHEDULE="* * * * * *")
    ready = host.start()
    until(lambda: len(host.calls("ticked")) >= 3, 20, "three ticks")

    assert "switched_off" not in ready["functions"]
    assert host.calls("switched_off") == []
    assert host.stop() == 0
