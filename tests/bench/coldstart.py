"""What importing function_app costs, against azure.functions and the blob extension alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

PEER = "import azure.functions, azurefunctions.extensions.bindings.blob"
OURS = "import function_app"
RUNS = 9


def main() -> None:
    pairs = [(_seconds(PEER), _seconds(OURS)) for _ in range(RUNS + 1)][1:]
    peer, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(mine / theirs for theirs, mine in pairs)
    print(f"azure.functions and the blob extension  {peer * 1000:6.0f} ms")
    print(f"function_app                            {ours * 1000:6.0f} ms")
    print(f"ratio, median of {RUNS} pairs                {ratio:6.2f}  (at most 1.30)")


def _seconds(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begun
