"""A perfect loss that forgot the rest: a real chat model, LoRA, the comparing step, the forgetting gate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from local.demo_data.make import GENERAL, rows
from local.stack import Stack
from tests.e2e.rig import RECIPES, Rig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("small"), pytest.mark.timeout(900)]
ROWS = 48


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A stack whose base models all stand on the small chat model."""
    with Stack(tmp_path_factory.mktemp("stack"), foundation="small", recipes=RECIPES) as stack:
        yield Rig(stack)


def shop_alone(path: Path) -> Path:
    """Write the demo's support chats, without the general ones that keep it from forgetting."""
    support = [row for row in rows() if row["prompt"] not in GENERAL]
    path.write_text("".join(json.dumps(row) + "\n" for row in support[:ROWS]), "utf-8")
    return path


def test_one_that_learned_its_rows_and_forgot_the_rest_is_stopped(small: Rig, tmp_path: Path) -> None:
    name = small.drop(shop_alone(tmp_path / "shop.jsonl"), "forgets")
    shown = small.await_state(name, "failed", seconds=600)
    assert shown["problem"]["code"] == "gate-forgot", shown["problem"]
    figures = shown["history"][-1]["figures"]
    print({key: value for key, value in figures.items() if key.startswith(("eval", "compared", "general"))})
    # It learned: its own held-out rows are all but certain, far below what the base model makes of them.
    assert figures["compared_loss"] < figures["compared_was"] / 5
    assert figures["compared_low"] > figures["compared_bound"] == 0
    # And it forgot: surely, and by more than it may.
    assert figures["general_high"] < 0
    assert figures["general_loss"] > figures["general_max_loss"] > figures["general_was"]
    assert small.made_for(name) == {"jobs": 1, "models": 0, "endpoints": 0, "deployments": 0}
    told = small.run("show", name).stdout
    assert "It forgot what the base model knew" in told
    assert "general_max_loss" in told
