#!/usr/bin/env python3
"""Everything a developer runs, with nothing but Python 3.11 or newer: `python3 dev.py demo`, `… test`.

setup               make .venv, install what is pinned, convert the small model; nothing twice
demo [--json]       a dropped file becomes a live model on this machine
up [--detach]       start the local stack        down     end it
env [--unset]       export lines for any azure-ai-ml, node or MLflow client of the running stack
test [--all]        lint, types, imports, tests  lint     without the tests
bench [NAME]        measure                      lock     lock the requirements again
package [--python 3.12]   build what goes to Azure, for Linux, into build/
"""

from __future__ import annotations

import sys

from local.devtools.shell import PYTHON, Failed, say, shown

IN_THE_STACK = {"up", "down", "env"}


def main(words: list[str]) -> int:
    """Run one word; everything but `lock` and `package` sets up first."""
    word, more = (words[0], words[1:]) if words else ("help", [])
    try:
        return _run(word, more)
    except Failed as fault:
        say(f"dev.py: {fault}")
        return 1
    except KeyboardInterrupt:
        return 130


def _run(word: str, more: list[str]) -> int:
    from local.devtools import gates, lock, package, setup

    if word in {"help", "-h", "--help"}:
        print(__doc__)
        return 0
    if word not in {*IN_THE_STACK, "setup", "demo", "test", "lint", "bench", "lock", "package"}:
        say(f"dev.py: there is no word {word!r}. See those there are: python3 dev.py help")
        return 2
    if word in {"lock", "package"}:
        return lock.lock() if word == "lock" else package.package(more)
    setup.setup()
    if word in IN_THE_STACK:
        return shown([PYTHON, "-m", "local.up", word, *more])
    if word == "demo":
        return shown([PYTHON, "-m", "local.demo", *more])
    if word == "bench":
        return shown([PYTHON, "-m", "tests.bench", *more])
    if word == "lint":
        return gates.lint()
    if word == "test":
        return gates.test(whole="--all" in more, more=[part for part in more if part != "--all"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
