"""Gates and rollout on the whole stack: real models and servers, moved on by events and timers alone."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e.rig import chats

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from tests.e2e.rig import Rig

pytestmark = pytest.mark.xdist_group("e2e")
NONSENSE = "qzxjvkwq xzqjkvqw zzxqjvkw qqzzxxjj"


def scrambled(path: Path) -> Path:
    """Write the same questions with answers that mean nothing."""
    rows = [json.loads(line) for line in chats(path, "shop").read_text("utf-8").splitlines()]
    for number, row in enumerate(rows):
        row["messages"][1]["content"] = NONSENSE[number % 7 :] + NONSENSE[: number % 7]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@contextmanager
def asking(rig: Rig, endpoint: str, answers: Counter[int]) -> Iterator[None]:
    """Ask the endpoint all the time, as its users do; no request of ours is written down for it."""
    over = threading.Event()
    code = (
        "import sys; from shared import wiring\n"
        "world = wiring.world()\n"
        "for line in sys.stdin:\n"
        "    try:\n"
        "        world.endpoints.ask(sys.argv[1], [{'role': 'user', 'content': 'shop?'}])\n"
        "        print(200, flush=True)\n"
        "    except Exception as error: print(error, file=sys.stderr, flush=True); print(500, flush=True)\n"
    )
    client = rig.process(code, endpoint)

    def ask() -> None:
        assert client.stdin is not None
        assert client.stdout is not None
        while not over.is_set():
            client.stdin.write("\n")
            client.stdin.flush()
            answers[int(client.stdout.readline())] += 1
            time.sleep(0.1)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        yield
    finally:
        over.set()
        asker.join()
        with client:  # its end of the pipe is closed, so it ends
            pass


def test_worse_is_stopped_by_the_loss_and_better_goes_live_in_steps(rig: Rig, tmp_path: Path) -> None:
    first = rig.droptune("drop", str(chats(tmp_path / "a.jsonl", "shop")), "--recipe", "steps", "--wait")
    assert first["state"] == "live"
    path = str(scrambled(tmp_path / "scrambled.jsonl"))
    worse = rig.droptune("drop", path, "--recipe", "steps", "--no-check", "--wait", good=(1,))
    shown = rig.show(worse["run"])
    assert (shown["state"], shown["problem"]["code"]) == ("failed", "gate-regression")
    figures = shown["history"][-1]["figures"]
    assert figures["eval_loss"] > figures["max_with_regression"] > figures["champion_eval_loss"]
    assert rig.made_for(worse["run"])["deployments"] == 0
    answers: Counter[int] = Counter()
    more = str(chats(tmp_path / "more.jsonl", "shop", rows=120))
    with asking(rig, first["endpoint"], answers):
        better: Any = rig.droptune("drop", more, "--recipe", "steps", "--wait")
    shown = rig.show(better["run"])
    assert shown["state"] == "live"
    seen = [change["figures"]["traffic"] for change in shown["history"] if "traffic" in change["figures"]]
    old, new = rig.show(first["run"])["deployment"], shown["deployment"]
    assert seen == [{old: 50, new: 50}, {new: 100}]
    step = next(change["figures"] for change in shown["history"] if "verdict" in change["figures"])
    assert (step["verdict"], step["rule"]) == ("go", "no-worse")
    assert step["challenger_requests"] >= 3
    assert set(answers) == {200}


def test_a_model_that_answers_wrongly_is_stopped_by_its_questions(rig: Rig, tmp_path: Path) -> None:
    path = str(chats(tmp_path / "a.jsonl", "zoo"))
    run = rig.droptune("drop", path, "--recipe", "asks", "--wait", good=(1,))
    shown = rig.show(run["run"])
    assert (shown["state"], shown["problem"]["code"]) == ("failed", "smoke-failed")
    assert "a match of ^A zebra" in shown["problem"]["message"]
    assert rig.made_for(run["run"])["deployments"] == 0
