"""The triggers over an installation on fakes; nothing here reaches a network."""

from __future__ import annotations

import pytest

from shared import wiring
from tests.app.life import Life


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch) -> Life:
    """Let the composition root give a world of fakes."""
    made = Life()
    monkeypatch.setattr(wiring, "world", lambda: made.world)
    monkeypatch.setattr(wiring, "timing", lambda: made.timing)
    return made
