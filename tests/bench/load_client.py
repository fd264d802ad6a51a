"""What the load test does at a stack: `python -m tests.bench.load_client DROPS RECIPES MINUTES LIMIT`.

It runs in the stack's environment and talks through the app's own ports. It drops small data sets at an even
pace, looks at the ledger's listings until all runs have ended, then tells what became of each: JSON lines.
"""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from shared import wiring
from shared.app.ledger import Ledger
from shared.domain.errors import Missing, Transient

if TYPE_CHECKING:
    from shared.domain.run import Run
    from shared.ports import World

ROWS = 30
LOOK_SECONDS = 5.0


def rows(number: int) -> bytes:
    """Make a small data set that no other drop equals."""
    made = (
        [
            {"role": "user", "content": f"drop {number}, question {row}?"},
            {"role": "assistant", "content": f"answer {row} of drop {number}."},
        ]
        for row in range(ROWS)
    )
    return b"".join(json.dumps({"messages": messages}).encode() + b"\n" for messages in made)


def recipe(number: int) -> str:
    """Name a recipe of the load test."""
    return f"load-{number:02}"


def drop_all(world: World, drops: int, recipes: int, seconds: float, dropped: list[str]) -> None:
    """Drop them evenly over the time, recipe after recipe."""
    begun = time.monotonic()
    for number in range(drops):
        time.sleep(max(0.0, begun + seconds * number / drops - time.monotonic()))
        path = f"{recipe(number % recipes)}/{number:05}.jsonl"
        drop(world, path, rows(number))
        dropped.append(path)


def drop(world: World, path: str, data: bytes) -> None:
    """Upload once, as a careful user does: where the answer is lost, look before it is sent again."""
    while True:
        try:
            world.drops.upload(path, io.BytesIO(data), retrain=False)
        except Transient:
            time.sleep(1)
            with suppress(Missing, Transient):
                world.drops.find(path)
                return
        else:
            return


def main(drops: int, recipes: int, minutes: float, limit: float) -> int:
    """Drop, wait, tell; 1 where not all have ended after `limit` minutes."""
    world = wiring.world()
    ledger, dropped, begun = Ledger(world.ledger), list[str](), time.monotonic()
    asked = (world, drops, recipes, minutes * 60, dropped)
    threading.Thread(target=drop_all, args=asked, daemon=True).start()
    ended = False
    while not ended and time.monotonic() - begun < limit * 60:
        time.sleep(LOOK_SECONDS)
        active = sum(1 for _ in world.ledger.names("active/"))
        received = sum(1 for _ in ledger.runs())
        say(seconds=round(time.monotonic() - begun), dropped=len(dropped), received=received, active=active)
        ended = len(dropped) == drops and received >= drops and active == 0
    for name in ledger.runs():
        say(run=told(ledger.load(name).run))
    return 0 if ended else 1


def told(run: Run) -> dict[str, Any]:
    """Say what became of a run."""
    return {
        "name": run.name,
        "drop": run.drop.path,
        "place": [run.drop.modified.isoformat(), run.name],
        "state": run.state,
        "states": [change.state for change in run.history],
        "reason": run.reason,
        "job": run.job,
        "model": f"{run.model}:{run.model_version}" if run.model_version else None,
        "deployment": run.deployment,
        "seconds": (run.updated - run.received).total_seconds(),
    }


def say(**what: Any) -> None:
    """Print one line for whoever started this."""
    print(json.dumps(what, default=str), flush=True)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
