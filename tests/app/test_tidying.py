"""The ledger grows with what people do, not with time."""

from __future__ import annotations

from datetime import timedelta

from shared.app import sweep_report
from shared.app.sweep import sweep
from shared.app.tidying import AGES, MOST, tidy
from tests.app.life import Life
from tests.app.test_sweep import pass_hours, served

DAY = timedelta(days=1)


def kept(life: Life) -> dict[str, int]:
    return {prefix: len(list(life.world.ledger.names(prefix))) for prefix in AGES}


def test_what_a_sweep_said_is_kept_for_long_and_then_goes() -> None:
    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    assert sweep(life.world, dry_run=False).taken
    assert kept(life) == {"sweep/reports/": 1, "sweep/events/": 1, "notices/undelivered/": 0}
    life.at += 366 * DAY
    life.tick()  # the daily pass
    assert kept(life) == {"sweep/reports/": 1, "sweep/events/": 0, "notices/undelivered/": 0}
    life.at += 366 * DAY
    life.tick()
    assert kept(life) == {"sweep/reports/": 0, "sweep/events/": 0, "notices/undelivered/": 0}
    assert sweep_report.last(life.world).taken  # the last one stays
    assert life.run(run.name).history  # and so does the story


def test_one_pass_is_bounded() -> None:
    life = Life()
    for n in range(MOST + 1):
        life.world.ledger.put(f"notices/undelivered/{n:015}-x", b"{}")
    life.at += 31 * DAY
    assert (tidy(life.world), tidy(life.world), tidy(life.world)) == (MOST, 1, 0)
