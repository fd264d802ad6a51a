"""`dev.py bench [NAME]`: measures, as ratios to a peer in the same run. Never part of the tests."""

from __future__ import annotations

import sys

from tests.bench import coldstart, fleet, sweep, validation

BENCHES = {
    "coldstart": coldstart.main,
    "fleet": fleet.main,
    "sweep": sweep.main,
    "validation": validation.main,
}


def main(names: list[str]) -> int:
    unknown = set(names) - set(BENCHES)
    if unknown:
        print(f"There is no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}.")
        return 2
    for name in names or BENCHES:
        print(f"== {name}")
        BENCHES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
