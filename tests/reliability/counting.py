"""How many steps the stateful tests have taken, for the table at the end of a whole test run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TAKEN = {"steps": 0}


def times(usual: int, whole: int) -> int:
    """Choose how many examples to try: the usual, or those of the whole test run (`dev.py test --all`)."""
    return whole if settings.get_current_profile_name() == "whole" else usual


class Counted(RuleBasedStateMachine):
    """A state machine whose steps are counted."""

    def check_invariants(self, *args: Any, **more: Any) -> None:
        TAKEN["steps"] += 1
        super().check_invariants(*args, **more)


@pytest.fixture(autouse=True)
def steps_told(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Tell the steps that a test took; modules with state machines import it."""
    before = TAKEN["steps"]
    yield
    if taken := TAKEN["steps"] - before:
        record_property("steps", taken)
