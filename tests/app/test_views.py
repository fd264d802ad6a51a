"""What people read of a run's figures."""

from __future__ import annotations

from shared.app import views
from shared.domain.run import Change, State
from tests.domain.builders import NOON


def test_shares_are_percents_and_counts_are_none() -> None:
    told = views.figures(
        Change(
            NOON,
            State.QUEUED,
            "",
            figures={
                "rows": {"total": 30, "train": 24},
                "traffic": {"blue": 90, "green": 10},
                "mirror": {},
                "training_usd": (0.73, 1.47, 5.52),
                "tokens": 1544,
                "eval_loss": 0.123456,
            },
        )
    )
    assert told == {
        "rows": "total 30, train 24",
        "traffic": "blue 90 %, green 10 %",
        "mirror": "none",
        "training_usd": "0.73 / 1.47 / 5.52",
        "tokens": "1544",
        "eval_loss": "0.1235",
    }
