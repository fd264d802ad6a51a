"""Many threads may read the ledger first: the host runs triggers at once, the sweep eight looks."""

from __future__ import annotations

import subprocess
import sys

FIRST = """
import sys, threading
sys.setswitchinterval(1e-6)
from msgspec.json import encode
from shared.app.ledger import Ledger
from tests.domain import builders
from tests.fakes.storage import FakeStorage

storage = FakeStorage(lambda: builders.NOON)
ledger = Ledger(storage.documents)
run = builders.run()
storage.documents.put(f"r/{run.name}.json", encode(run))
storage.documents.put("lanes/support.json", b'{"recipe": "support", "version": 1}')
gate = threading.Barrier(16)

def read():
    gate.wait()
    assert ledger.load(run.name).run == run
    assert ledger.lane("support").lane.recipe == "support"

threads = [threading.Thread(target=read) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_sixteen_threads_that_read_the_ledger_first_crash_nothing() -> None:
    for _ in range(4):
        done = subprocess.run([sys.executable, "-c", FIRST], check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
