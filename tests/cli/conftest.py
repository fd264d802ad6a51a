"""The command line over an installation on fakes; nothing here reaches a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared import wiring
from shared.cli import context
from shared.domain.timing import Timing
from tests.app.life import Life

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Life:
    """Let the composition root give a world of fakes, and no env file be found."""
    made = Life()
    monkeypatch.setattr(wiring, "world", lambda: made.world)
    monkeypatch.setattr(wiring, "timing", Timing)
    monkeypatch.setattr(context, "ENV_FILE", tmp_path / "none")
    return made
