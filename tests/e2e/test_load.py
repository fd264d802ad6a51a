"""Sixty drops over six recipes in a minute: all end, none is lost, none is doubled (`dev.py bench load`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("load")
def test_sixty_drops_over_six_recipes(tmp_path: Path) -> None:
    outcome = load.run(load.Load(drops=60, recipes=6, minutes=1, within=13), tmp_path, print)
    print("\n".join(outcome.told()))
    assert outcome.broken() == []
    assert len(outcome.runs) == 60
