"""`python -m tests.e2e.witness`: a user and an onlooker of a stack, for test_two_hosts.py.

It runs in the stack's environment and talks through the app's own ports. An order a line on stdin, an answer
a line on stdout, both JSON:

{"drop": path, "data": text, "retrain": bool} → {"run": name}
{"look": true}      → {"runs": [what became of each], "waiting": markers and events not told yet}
{"judge": [ids]}    → {"broken": [invariants], "counts": {what: how many}}. ids: of events that the topic has
"""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

from shared import wiring
from shared.app.ledger import Ledger
from tests.reliability.installation import made, seen
from tests.reliability.invariants import broken

if TYPE_CHECKING:
    from shared.domain.run import Run
    from shared.ports import World


def main() -> int:
    """Answer each line, until stdin ends."""
    world = wiring.world()
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        if "drop" in order:
            data = io.BytesIO(order["data"].encode())
            answer: dict[str, Any] = {
                "run": world.drops.upload(order["drop"], data, retrain=order["retrain"]).run
            }
        else:
            answer = _look(world) if "look" in order else _judge(world, order["judge"])
        print(json.dumps(answer, default=str), flush=True)
    return 0


def _look(world: World) -> dict[str, Any]:
    ledger = Ledger(world.ledger)
    waiting = [entry.name for kind in ("active/", "outbox/") for entry in world.ledger.names(kind)]
    return {"runs": [_told(run) for run in ledger.readable(ledger.runs())], "waiting": waiting}


def _told(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "recipe": run.recipe_name,
        "place": [run.drop.modified.isoformat(), run.name],
        "state": run.state,
        "reason": run.reason,
        "problem": run.problem and str(run.problem),
        "ended": run.ended,
        "changes": [[change.at.isoformat(), change.state] for change in run.history],
        "owner": run.claim and run.claim.owner,
        "until": run.claim and run.claim.until.isoformat(),
        "job": run.job,
        "model": run.model_version and f"{run.model}:{run.model_version}",
        "deployment": run.deployment,
    }


def _judge(world: World, told: list[str]) -> dict[str, Any]:
    found = seen(world, told=told)
    return {"broken": [str(one) for one in broken(found)], "counts": made(found)}


if __name__ == "__main__":
    sys.exit(main())
