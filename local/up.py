"""`python -m local.up up [--detach] | down | env [--unset]`: the stack of this checkout."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from local import processes
from local.layout import HOME, ORDER
from local.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Start, end or describe the stack of this checkout."""
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__)
    words = parser.add_subparsers(dest="word", required=True)
    words.add_parser("up").add_argument("--detach", action="store_true", help="return when all is ready")
    words.add_parser("down")
    words.add_parser("env").add_argument("--unset", action="store_true", help="print unset lines")
    args = parser.parse_args(argv)
    stack = Stack(HOME)
    try:
        return {"up": _up, "down": _down, "env": _env}[args.word](stack, args)
    except (processes.NotReady, FileNotFoundError) as fault:
        print(f"dev.py: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _up(stack: Stack, args: argparse.Namespace) -> int:
    begun = time.monotonic()
    was = stack.start()
    print(f"The local stack {'was running' if was else f'is up after {time.monotonic() - begun:.1f} s'}:")
    for name in ("azureml", "blob", "queue", "host", "relay"):
        print(f"  {name:<8} {stack.url(name)}")
    print(
        f"Logs: {stack.logs('host').parent}. Drop a file: .venv/bin/droptune drop FILE --recipe RECIPE --wait"
    )
    if args.detach:
        return 0
    print("Ctrl-C ends it.", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while len(stack.running()) == len(ORDER):
            time.sleep(1)
        missing = ", ".join(sorted(set(ORDER) - set(stack.running())))
        print(
            f"dev.py: {missing} has ended; see {stack.home / 'logs'}. Start it again: python3 dev.py up",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would leave half of it behind
        print()
    ended = stack.stop()
    print(f"ended: {', '.join(ended) or 'nothing'}")
    return 0


def _down(stack: Stack, _args: argparse.Namespace) -> int:
    print(f"ended: {', '.join(stack.stop()) or 'nothing was running'}")
    return 0


def _env(stack: Stack, args: argparse.Namespace) -> int:
    if not args.unset and len(stack.running()) < len(ORDER):
        print("dev.py: the local stack is not running. Start it: python3 dev.py up --detach", file=sys.stderr)
        return 1
    token: dict[str, Any] = {"MLFLOW_TRACKING_TOKEN": _token(stack)} if not args.unset else {}
    for key, value in {**stack.settings, **token}.items():
        print(f"unset {key}" if args.unset else f"export {key}={shlex.quote(value)}")
    if args.unset:
        print("unset MLFLOW_TRACKING_TOKEN")
    return 0


def _token(stack: Stack) -> str:
    import httpx

    where = stack.settings["IDENTITY_ENDPOINT"]
    asked = {"api-version": "2019-08-01", "resource": stack.url("azureml")}
    answer = httpx.get(where, params=asked, headers={"X-IDENTITY-HEADER": "local"}, trust_env=False)
    return str(answer.raise_for_status().json()["access_token"])


if __name__ == "__main__":
    sys.exit(main())
