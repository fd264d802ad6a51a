"""The comparing step on the whole stack: a command behind the fine-tune that really measures two models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.rig import chats

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.e2e.rig import Rig

pytestmark = pytest.mark.xdist_group("e2e")


def gate(shown: Any) -> Any:
    """Give the figures that the gate looked at."""
    return next(one["figures"] for one in shown["history"] if "compared_gain" in one["figures"])


def test_a_first_model_is_compared_with_its_base_and_the_next_with_the_champion(
    rig: Rig, tmp_path: Path
) -> None:
    path = str(chats(tmp_path / "a.jsonl", "shop"))
    first = rig.droptune("drop", path, "--recipe", "compares", "--wait")
    shown = rig.show(first["run"])
    assert first["state"] == "live", shown["problem"]
    against_base = gate(shown)
    assert against_base["compared_bound"] == 0
    assert against_base["compared_low"] > 1  # nats a token: random before, shop answers after
    assert against_base["general_chats"] == 24
    # The step and the training itself measure the same rows, each by its own code.
    assert against_base["compared_loss"] == pytest.approx(shown["metrics"]["eval_loss"], rel=0.1)
    more = str(chats(tmp_path / "more.jsonl", "shop", rows=80))
    second = rig.droptune("drop", more, "--recipe", "compares", "--wait")
    shown = rig.show(second["run"])
    assert second["state"] == "live", shown["problem"]
    reason = next(one["reason"] for one in shown["history"] if one["state"] == "registering")
    assert f"against the champion {first['run']}" in reason
    assert gate(shown)["compared_was"] == pytest.approx(against_base["compared_loss"], rel=1e-3)
    assert gate(shown)["compared_bound"] < 0
