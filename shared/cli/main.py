"""`droptune`: the triggers' use cases, for people. Settings come from the environment or an env file."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from shared.cli import output
from shared.cli.context import Context
from shared.domain.errors import DroptuneError, Problem, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_DIGITS = 9  # a longer number is more than there is
NOBODY_READS = 141  # as the shell tells of SIGPIPE
FAILED = 3  # `check` gives 1 and 2 to what it found; the other commands have no such exits
COMMANDS = {
    "drop": "dropping:drop",
    "check": "dropping:check",
    "fetch-dataset": "fetching:fetch",
    "foretell": "foretelling:foretell",
    "recipe": "dropping:check_recipe",
    "runs": "looking:runs",
    "show": "looking:show",
    "watch": "looking:watch",
    "trace": "tracing:trace",
    "endpoints": "looking:endpoints",
    "events": "hearing:events",
    "approve": "acting:person",
    "reject": "acting:person",
    "cancel": "acting:person",
    "retry": "acting:person",
    "ask": "acting:ask",
    "rollback": "acting:rollback",
    "doctor": "examining:doctor",
    "revive": "acting:revive",
    "sweep": "sweeping:sweep",
    "keep": "sweeping:keep",
    "unkeep": "sweeping:unkeep",
    "adopt": "sweeping:adopt",
    "forget": "acting:forget",
    "requeue": "requeueing:requeue",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code tells how it went."""
    given = sys.argv[1:] if argv is None else argv
    failed = FAILED if given[:1] == ["check"] else 1
    output.spell_out()
    try:
        args = parser().parse_args(given)
        return _command(args.command)(Context(args))
    except DroptuneError as error:
        output.fault(_with_help(error))
    except BrokenPipeError:
        return _unheard()
    except OSError as fault:
        output.fault(_of_the_machine(fault))
    except KeyboardInterrupt:
        return 130
    except SystemExit as leaving:  # argparse's own, after it has said why; 2 would be "rejected"
        return FAILED if leaving.code and failed == FAILED else int(leaving.code or 0)
    except Exception:
        if failed != FAILED:
            raise
        sys.excepthook(*sys.exc_info())  # as Python shows it, but for its exit, which would be a verdict
    return failed


def _with_help(error: DroptuneError) -> Problem:
    """Say what to do about what may pass by itself."""
    problem = error.problem
    if problem.help or not isinstance(error, Transient):
        return problem
    return Problem(problem.code, problem.message, "Try again in a minute; if it stays so: droptune doctor")


def _unheard() -> int:
    """End as any program whose reader, as `head`, has had enough; Python's last flush must not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return NOBODY_READS


def _of_the_machine(fault: OSError) -> Problem:
    name = f"{fault.filename}: " if fault.filename else ""
    what = f"{name}{fault.strerror or fault}."
    return Problem("machine", what, "See that the path is there and may be read and written, then try again.")


def _command(name: str) -> Callable[[Context], int]:
    from importlib import import_module

    module, function = COMMANDS[name].split(":")
    found: Callable[[Context], int] = getattr(import_module(f"shared.cli.{module}"), function)
    return found


def parser() -> argparse.ArgumentParser:
    """Describe every command and option."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON document")
    common.add_argument("--env-file", help="settings, one KEY=VALUE a line (default: .droptune/env)")
    top = argparse.ArgumentParser(prog="droptune", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[common])

    _dropping(add)
    _checking(add)
    _looking(add)
    _acting(add)
    _sweeping(add)
    return top


def _dropping(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    one = add("drop", "upload a data set and set its run off")
    one.add_argument("file", help="a file, or a folder of train, validation and test files")
    one.add_argument("--recipe", required=True)
    one.add_argument(
        "--wait", action="store_true", help="follow the run; exit 0 live, 1 not, 3 waits for a person"
    )
    one.add_argument("--retrain", action="store_true", help="train again even on the same data")
    one.add_argument("--no-check", action="store_true", help="do not check the file here first")
    one = add("recipe", "check a recipe file")
    one.add_argument("action", choices=["check"])
    one.add_argument("file")


def _checking(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    one = add("check", "check a data set here: exit 0 usable, 1 some rows refused, 2 rejected, 3 failed")
    one.add_argument("file", help="a file, or a folder of train, validation and test files")
    one.add_argument("--recipe", help="a recipe file, or the name of one in recipes/")
    one.add_argument("--html", help="write the report as a page")
    one.add_argument(
        "--tokenizer", metavar="DIR", help="the base model's folder (default: tokenizers/MODEL by the recipe)"
    )
    one.add_argument("--since", metavar="REPORT.json", help="say what is new since an earlier data set")
    one.add_argument("--fix", metavar="OUT", help="write a mended copy, say every change, and check that")
    one.add_argument("--strict", action="store_true", help="exit 2 for warnings too")
    one = add("fetch-dataset", "write a public chat data set in the pipeline's own format")
    one.add_argument("name", help="a data set of the Hugging Face hub, or a local folder")
    one.add_argument(
        "--split-pc", type=int, default=5, metavar="N", help="percent of each split (default: 5)"
    )
    one.add_argument("--out", default=".", metavar="DIR", help="where the files go (default: here)")
    one = add("foretell", "say what Azure ML would do with a file: exit 0 train, 2 fail, 1 could not tell")
    one.add_argument("file")
    one.add_argument("--tokenizer", required=True, metavar="DIR", help="the base model's folder")
    one.add_argument("--max-seq-length", type=int, default=-1, metavar="N", help="as the recipe sets it")


def _count(text: str) -> int:
    if text.isdecimal() and int(text[:MOST_DIGITS]) > 0:
        return int(text[:MOST_DIGITS])
    raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")


def _looking(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    add("runs", "list the newest runs").add_argument("--limit", type=_count, default=20, metavar="N")
    one = add("show", "show a run: history, findings, figures, what to do next")
    one.add_argument("run")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--html", metavar="OUT", help="write the run as a page, with its curves")
    which.add_argument(
        "--report",
        action="store_true",
        help="print the data set's report: a page, or report.json with --json",
    )
    add("watch", "follow a run").add_argument("run")
    one = add("trace", "tell all of a drop: from its ETag to the endpoint's end, with each step's cost")
    one.add_argument("drop", help="its path, RECIPE/FILE or RECIPE/FOLDER/; or the name of one run")
    one = add("events", "print what happened, one CloudEvent a line")
    one.add_argument("--follow", action="store_true", help="go on until interrupted")
    one.add_argument(
        "--limit", type=_count, default=20, metavar="N", help="of how many of the newest runs (default: 20)"
    )
    add("doctor", "say what is not configured or not allowed, and how to mend it: exit 0 sound")
    add("endpoints", "list the workspace's endpoints and whose they are")


def _acting(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    for name, text in (
        ("approve", "let a waiting run go on"),
        ("reject", "end a waiting run"),
        ("cancel", "end a run and take away what it made"),
        ("retry", "start a failed run again where it failed"),
    ):
        one = add(name, text)
        one.add_argument("run")
        one.add_argument("--reason", default="")
    one = add("ask", "ask a recipe's live model")
    one.add_argument("recipe")
    one.add_argument("text")
    one = add("requeue", "list what failed as often as it may, and bring it back")
    which = one.add_mutually_exclusive_group()
    which.add_argument("id", nargs="?", help="the message to bring back")
    which.add_argument("--all", action="store_true", help="bring all of it back")
    add("rollback", "give the traffic back to the previous deployment").add_argument("recipe")
    one = add("revive", "bring a retired model back into service")
    one.add_argument("recipe")
    one.add_argument("--version", metavar="V", help="of the model (default: the newest retired run's)")


def _sweeping(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    one = add("sweep", "take away endpoints that nobody uses")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--dry-run", action="store_true", help="only say what would go")
    which.add_argument("--plan", metavar="DIGEST", help="apply exactly the plan of a dry run")
    one.add_argument("--html", metavar="OUT", help="write the report as a page too")
    one = add("keep", "keep an endpoint, endpoint/deployment or a recipe's endpoint from the sweep")
    one.add_argument("name")
    one.add_argument("--until", metavar="DATE", help="a day or a time, UTC (default: until unkeep)")
    one.add_argument("--reason", required=True, help="why, for those who see it in the sweep's report")
    add("unkeep", "let the sweep decide on it again").add_argument("name")
    add("adopt", "let the sweep mind an endpoint that Droptune did not make").add_argument("endpoint")
    one = add("forget", "erase what was made of a drop: prepared data, reports, refused rows")
    one.add_argument("drop", help="its path: RECIPE/FILE, or RECIPE/FOLDER/")
    one.add_argument("--dry-run", action="store_true", help="only say what would be erased")


if __name__ == "__main__":
    sys.exit(main())
