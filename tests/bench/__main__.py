"""`dev.py bench [NAME]`: measures, most as ratios to a peer in the same run. Never part of the tests.

`dev.py bench load [OPTIONS]` takes up to an hour and runs by its name alone.
"""

from __future__ import annotations

import sys

from tests.bench import coldstart, fleet, load, sweep, validation

BENCHES = {
    "coldstart": coldstart.main,
    "fleet": fleet.main,
    "sweep": sweep.main,
    "validation": validation.main,
}


def main(names: list[str]) -> int:
    if names[:1] == ["load"]:
        return load.main(names[1:])
    unknown = set(names) - set(BENCHES)
    if unknown:
        print(f"There is no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}, load.")
        return 2
    for name in names or BENCHES:
        print(f"== {name}")
        BENCHES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
