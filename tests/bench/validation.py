"""How fast a data set is checked, against a bare typed decode and Together's check; its memory by size."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.chats import ROOT, written

if TYPE_CHECKING:
    from collections.abc import Sequence

WORK = ROOT / ".droptune" / "bench"
PEERS = ROOT / ".droptune" / "peers"
SIZE, SMALL, LARGE = 1000, 200, 2000  # megabytes
ROUNDS = 3
Figures = dict[str, float]
NAMES = {
    "decode": "bare msgspec decode",
    "together": "together 3.1.1 check_file",
    "least": "decode, hash, one scan, tokens",
    "check": "droptune check",
    "check2": "droptune check, 2 cores",
}


def main() -> None:
    path = written(WORK, SIZE)
    peers = _peers()
    runs: dict[str, list[Figures]] = {what: [] for what in NAMES}
    for _round in range(ROUNDS):
        runs["decode"].append(_run(sys.executable, "decode", path))
        runs["together"].append(_run(peers, "together", path))
        runs["least"].append(_run(sys.executable, "least", path))
        runs["check"].append(_run(sys.executable, "check", path))
        runs["check2"].append(_run(sys.executable, "check2", path, "free"))
    size = path.stat().st_size / 1e6
    print(f"{size:.0f} MB of ultrachat-like chats; pinned to one core, but for the last; medians of {ROUNDS}")
    speed = {what: size / statistics.median(run["seconds"] for run in found) for what, found in runs.items()}
    for what, name in NAMES.items():
        startup = statistics.median(run["startup"] for run in runs[what])
        peak = max(run["megabytes"] for run in runs[what])
        print(f"{name:30} {speed[what]:6.0f} MB/s   start-up {startup:4.1f} s   peak {peak:4.0f} MB")
    for name, over, under in (
        ("check / decode", "check", "decode"),
        ("check / together", "check", "together"),
        ("that least / decode", "least", "decode"),
        ("that least / together", "least", "together"),
        ("two cores / one", "check2", "check"),
    ):
        print(f"{name:30} {_ratio(runs[under], runs[over]):6.2f}")
    for megabytes in (SMALL, LARGE):
        peak = _run(sys.executable, "check", written(WORK, megabytes))["megabytes"]
        print(f"peak memory at {megabytes:4} MB         {peak:6.0f} MB")


def _ratio(slow: Sequence[Figures], quick: Sequence[Figures]) -> float:
    return statistics.median(
        one["seconds"] / other["seconds"] for one, other in zip(slow, quick, strict=True)
    )


def _run(python: str | Path, what: str, path: Path, pinned: str = "pinned") -> Figures:
    command = [str(python), str(Path(__file__).with_name("timed.py")), what, str(path), pinned]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: Figures = json.loads(out.splitlines()[-1])
    return found


def _peers() -> Path:
    """Give the python of the peers' own environment, made at the first run: it needs the network once."""
    python = PEERS / "bin" / "python"
    if not (PEERS / "ready").exists():
        venv.create(PEERS, with_pip=True)
        needed = ["-r", str(ROOT / "requirements" / "peers.txt")]
        subprocess.run([python, "-m", "pip", "install", "-q", *needed], check=True)
        (PEERS / "ready").touch()
    return python


if __name__ == "__main__":
    main()
