"""`python -m tests.reliability.victims`: processes of the app that die, for test_killed_processes.py.

For each line on stdin it forks one process, which builds the app as the host does (`wiring.world()`), answers
in a line on stdout and ends; or it is killed on its way. The modules that an app comes to need are imported
before that fork, which spares each process seconds; clients, connections and credentials are its own.

{"import": [module, …]}
    imports them, in the forking process.
{"put": {container/name: text}, "clear": [container, …]}
    writes blobs as users do, once these containers are empty.
{"live": path, "call": name or null, "nth": N, "when": before or after}
    the drop's event, then timers and messages until its run has ended; dies by SIGKILL at its outside call of
    that name, the first being 0. → {"killed", "calls", "said": {"state", "modules"}}: each call's name, and
    what was imported
{…, "pause": true}
    stands still there instead: answers {"paused": true}, and goes on at the next line, whatever it says.
{"mend": path}
    no event: timers and messages alone, half an hour and a day later. → {"said": {"state", "broken", "made"}}
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psutil

from shared import settings, wiring
from shared.adapters import credential, storage
from shared.domain.run import ENDS
from tests.reliability.hosting import Host
from tests.reliability.kinds import Kind
from tests.reliability.looking import look
from tests.reliability.tap import Fault, Tap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from io import RawIOBase

LATER = timedelta(minutes=30)  # every claim has run out
DAY = timedelta(days=1)
NOW = timedelta()
PAUSED = "paused"


@dataclass(frozen=True)
class Ends:
    """A process's ends of two pipes: where it speaks, and where it is told to go on."""

    into: int
    gate: int

    def say(self, line: str) -> None:
        """Say one line."""
        os.write(self.into, f"{line}\n".encode())

    def stand_still(self) -> None:
        """Say so, and wait."""
        self.say(PAUSED)
        os.read(self.gate, 1)


def main() -> int:
    """Do what each line asks for, and tell how it ended."""
    for line in sys.stdin:
        order = json.loads(line)
        if "import" in order:
            _import(order["import"])
            found: dict[str, Any] = {}
        else:
            found = _forked(order, sys.stdin)
        print(json.dumps(found), flush=True)
    return 0


def _import(modules: Sequence[str]) -> None:
    for name in modules:
        with suppress(ImportError):  # some are no modules of their own, but made by others
            importlib.import_module(name)
    gc.freeze()


def _forked(order: dict[str, Any], lines: Iterable[str]) -> dict[str, Any]:
    """Let a process of its own do it, and see how that ends.

    lines: the next of them tells one that stands still to go on.
    """
    threads = psutil.Process().num_threads()
    assert threads == 1, f"{threads} threads here: what they hold is held for ever in a fork"
    out, into = os.pipe()
    wait, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        _process(order, Ends(into, wait))
    os.close(into)
    os.close(wait)
    with os.fdopen(out) as said, os.fdopen(go, "wb", 0) as gate:
        told = list(_told(said, gate, lines))
    _pid, status = os.waitpid(child, 0)
    answers = [json.loads(one) for one in told if one.startswith("{")]
    return {
        "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
        "status": status,
        "calls": [one for one in told if not one.startswith("{")],
        "said": answers[-1] if answers else None,
    }


def _told(said: Iterable[str], gate: RawIOBase, lines: Iterable[str]) -> Iterator[str]:
    for line in said:
        if line.strip() != PAUSED:
            yield line.strip()
            continue
        print(json.dumps({PAUSED: True}), flush=True)
        next(iter(lines))
        gate.write(b"\n")


def _process(order: dict[str, Any], ends: Ends) -> None:
    """Be one process, to its end; nothing that Python does at an exit happens."""
    code = 1
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what an SDK prints is no answer
    try:
        ends.say(json.dumps(_done(order, ends)))
        code = 0
    except Exception:  # noqa: BLE001 - told, for nothing else would
        traceback.print_exc()
    finally:
        os._exit(code)


def _done(order: dict[str, Any], ends: Ends) -> dict[str, Any]:
    if "put" in order:
        return _put(order["put"], order["clear"])
    return _mend(order["mend"]) if "mend" in order else _live(order, ends)


def _put(texts: Mapping[str, str], clear: Sequence[str]) -> dict[str, Any]:
    place = _place()
    for name in clear:
        held = place.container(name)
        for found in held.listed():
            held.existing(found.name).delete_blob()
    for name, text in texts.items():
        container, _, path = name.partition("/")
        place.container(container).new(path).upload_blob(text.encode(), overwrite=True)
    return {}


def _live(order: dict[str, Any], ends: Ends) -> dict[str, Any]:
    before, tap = set(sys.modules), _tap()
    kind = _pause(order["when"]) if order.get("pause") else _death(order["when"])

    def heard(call: str) -> None:
        ends.say(call)
        if call == order["call"] and tap.calls.count(call) == order["nth"]:
            tap.fault = Fault(len(tap.calls), kind)

    tap.listen, tap.meanwhile = heard, lambda _kind: ends.stand_still()
    host = Host(wiring.world(), tap, _place(), NOW)
    host.event(order["live"])
    host.until(order["live"], lambda state: state in ENDS)
    return {"state": host.state(order["live"]), "modules": sorted(set(sys.modules) - before)}


def _mend(path: str) -> dict[str, Any]:
    host = Host(wiring.world(), _tap(), _place(), LATER)
    host.until(path, lambda state: state in ENDS)
    host.ahead += DAY
    host.tick(path)
    return look(host.world, path)


def _tap() -> Tap:
    return Tap(None, wiring.world().now, lambda _seconds: None)


def _place() -> storage.StoragePlace:
    found = settings.load(os.environ)  # noqa: TID251 - a program's edge
    return storage.StoragePlace(**vars(found.storage), credential=credential.credential)


def _death(when: Any) -> Kind:
    def die(_call: str) -> BaseException:
        os.kill(os.getpid(), signal.SIGKILL)
        return AssertionError("SIGKILL was survived")

    return Kind(f"killed {when}", when, die, lambda _call: True)


def _pause(when: Any) -> Kind:
    return Kind(f"paused {when}", when, RuntimeError, lambda _call: True, others="look")


if __name__ == "__main__":
    sys.exit(main())
