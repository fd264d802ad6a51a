"""`python -m tests.reliability LIFE [POINT KIND [once|while|ever]]`: one case again, or all of a life."""

from __future__ import annotations

import sys
import time

from tests.reliability.kinds import BY_NAME
from tests.reliability.points import A_WHILE, FOR_EVER, cases, count, hurt
from tests.reliability.stories import STORIES
from tests.reliability.tap import Fault

LASTS = {"once": None, "while": A_WHILE, "ever": FOR_EVER}
SLOW = 1.0


def main(words: list[str]) -> int:
    story = STORIES[words[0]]
    life = count(story)
    print(f"{len(life.calls)} calls")
    if len(words) > 1:
        lasts = LASTS[words[3] if len(words) > 3 else "once"]
        chosen = [Fault(int(words[1]), BY_NAME[words[2]], lasts)]
    else:
        chosen = list(cases(story, life))
    begun, wrong = time.monotonic(), 0
    for fault in chosen:
        at = time.monotonic()
        outcome = hurt(story, life, fault)
        slow = time.monotonic() - at
        wrong += bool(outcome.wrong)
        if outcome.wrong or slow > SLOW:
            print(f"{slow:.2f} s, {outcome}", flush=True)
    print(f"{wrong} of {len(chosen)} broken, {time.monotonic() - begun:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
