"""`check --fix`: a mended copy of a data set, and every change said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared.cli import output
from shared.datasets.findings import shown
from shared.datasets.inputs import Unreadable
from shared.datasets.repair import repair
from shared.domain.errors import Permanent, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from shared.datasets.repair import Repaired

REJECTED = "rejected.jsonl"
MOST_TEXT = 500


def refuse_folder(source: Path, files: Mapping[str, Path]) -> None:
    """Raise Permanent where not one file is to be mended: several would want several OUTs."""
    if source.is_dir():
        first = next(iter(files.values()))
        raise Permanent(
            "fix-folder",
            f"{source} is a folder, and --fix mends one file at a time.",
            f"Mend each: droptune check {first} --fix OUT",
        )


def refuse_overwriting(source: Path, out: Path) -> None:
    """Raise Permanent where a file that is written would be the source, or two would be one."""
    written = [out, _part(out), out.with_name(REJECTED)]
    if source.resolve() in [path.resolve() for path in written]:
        help_ = f"Name another, in another folder: --fix mended/{source.name}"
        raise Permanent("fix-in-place", f"{source} would be overwritten.", help_)
    if out.name == REJECTED:
        raise Permanent("fix-name", f"{REJECTED} is for what cannot be mended.", "Name another: --fix OUT")


def _part(out: Path) -> Path:
    return out.with_name(out.name + ".part")


def mend(chunks: Iterable[bytes], source: Path, out: Path) -> list[dict[str, Any]]:
    """Write OUT and, beside it, the rows that cannot be mended; give all changes, a dictionary each.

    Nothing stands under OUT before all of it is written.
    """
    part, rejected, told = _part(out), out.with_name(REJECTED), list[dict[str, Any]]()
    try:
        with part.open("wb") as file, rejected.open("wb") as refused:
            for one in repair(chunks):
                told += _told(one)
                if one.row is not None:
                    file.write(one.row + b"\n")
                elif one.fault is not None:
                    refused.write(msgspec.json.encode(_refused(one)) + b"\n")
    except Unreadable as fault:
        part.unlink()
        raise Rejected(
            "data-rejected", f"{source} cannot be read to its end: {fault.found}.", "Make the file again."
        ) from fault
    part.replace(out)
    return told


def tell(changes: list[dict[str, Any]], out: Path) -> None:
    """Say every change in a line of its own."""
    for one in changes:
        where = f"line {one['line']}" if one["line"] else "the file"
        output.say(f"  {one['code']} {where}: {one['done']}")
    output.say(f"{len(changes):,} changes; the mended file is {out}")


def _told(one: Repaired) -> list[dict[str, Any]]:
    changes = [] if one.fault else one.changes
    told: list[dict[str, Any]] = [{"line": one.line, "code": code, "done": done} for code, done in changes]
    if one.fault:
        found = f"put into {REJECTED}: {shown(one.fault[1])}"
        told.append({"line": one.line, "code": one.fault[0], "done": found})
    return told


def _refused(one: Repaired) -> dict[str, Any]:
    code, found = one.fault or ("", "")
    return {"line": one.line, "code": code, "found": shown(found), "text": shown(one.text, MOST_TEXT)}
