"""A recipe's month in dollars."""

from __future__ import annotations

import msgspec


class Month(msgspec.Struct, frozen=True):
    """A recipe's month in dollars: training and serving until now, and serving the new model. None: unknown.

    ahead_usd: until its limits end it if nobody asks, or the month is over.
    """

    training_usd: float | None = 0.0
    serving_usd: float | None = 0.0
    ahead_usd: float | None = 0.0

    def with_training(self, usd: float) -> float | None:
        """Add up the month with one more training; None where a part is unknown."""
        parts = (self.training_usd, self.serving_usd, self.ahead_usd)
        return None if None in parts else round(usd + sum(part or 0.0 for part in parts), 2)

    def said(self) -> str:
        """Say it in a line."""
        return (
            f"this month {_money(self.training_usd)} went to training and {_money(self.serving_usd)} to "
            f"serving; serving this model takes {_money(self.ahead_usd)} until its limits end it"
        )


def _money(usd: float | None) -> str:
    return "an unknown sum" if usd is None else f"${usd:,.2f}"
