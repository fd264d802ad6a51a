"""Whether a data set may be trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.datasets.preparation import CheckOptions
    from shared.datasets.report import Rows

LEAST_TRAIN_ROWS = 10  # Azure ML's own, after its filtering


def judge(rows: Rows, options: CheckOptions, fatal: str = "") -> tuple[str, str]:
    """Give the verdict and one sentence for it. fatal: what is wrong with the file as a whole."""
    if fatal:
        return "rejected", fatal
    if not rows.total:
        return "rejected", "the file holds no row"
    if rows.refused / rows.total > options.max_bad_fraction:
        most = f"{options.max_bad_fraction:.0%}"
        return (
            "rejected",
            f"{rows.refused:,} of {rows.total:,} rows have errors, more than the {most} allowed",
        )
    least = max(LEAST_TRAIN_ROWS, options.min_rows)
    if rows.train < least:
        return "rejected", f"{rows.train:,} train rows are left, fewer than the {least:,} needed"
    parts = f"{rows.train:,} rows to train, {rows.validation:,} to validate, {rows.test:,} to test"
    if rows.refused:
        return "usable_after_refusals", f"{parts}; {rows.refused:,} refused"
    return "usable", parts
