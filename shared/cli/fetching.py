"""`fetch-dataset`: a public chat data set, a part of each split, in the pipeline's own format."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from shared.cli import output
from shared.datasets.findings import shown
from shared.datasets.inputs import as_line
from shared.datasets.repair import repair
from shared.datasets.rows import Row, complete
from shared.domain.errors import Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.cli.context import Context

MOST_PERCENT = 100
MOST_REASON = 200
FORM = frozenset({"DT110", "DT210", "DT406"})  # another format, other columns: the chat stays what it was
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(Row).decode


def fetch(context: Context) -> int:
    """Fetch every split, from the hub or a local folder, and write a file for each.

    changed: rows of which more than the format is another now, as --fix would change them.
    """
    args = context.args
    if not 0 < args.split_pc <= MOST_PERCENT:
        raise Permanent(
            "split-pc", f"--split-pc {args.split_pc} is no percentage.", "Give 1 to 100: --split-pc 5"
        )
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    fetched = [_split(args.name, split, args.split_pc, folder) for split in _splits(args.name)]
    if args.json:
        output.as_json(fetched)
    else:
        output.table(fetched, ["split", "file", "rows", "changed", "left_out"])
    return 0


def _splits(name: str) -> list[str]:
    from datasets import get_dataset_split_names

    with _told(name):
        return list(get_dataset_split_names(name))


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Say what hinders in one line, and what to do about it."""
    import httpx
    from datasets.exceptions import DatasetsError

    try:
        yield
    except (ConnectionError, TimeoutError, httpx.HTTPError) as fault:
        raise Transient(
            "hub-unreachable",
            f"The hub did not give {name!r}: {_short(fault)}.",
            "Try again, or name a local folder that holds a copy: droptune fetch-dataset FOLDER",
        ) from fault
    except (OSError, ValueError, RuntimeError, DatasetsError) as fault:
        raise Permanent(
            "dataset-missing",
            f"The data set {name!r} cannot be found or read: {_short(fault)}.",
            "Name one of the hub as OWNER/NAME, or a local folder of JSONL or Parquet files.",
        ) from fault


def _short(fault: Exception) -> str:
    first = (str(fault).splitlines() or [""])[0].rstrip(".")
    return shown(f"{type(fault).__name__}: {first}" if first else type(fault).__name__, MOST_REASON)


def _split(name: str, split: str, percent: int, folder: Path) -> dict[str, Any]:
    from datasets import load_dataset

    output.progress(f"fetching {percent} % of {split} ...")
    with _told(name):
        rows = load_dataset(name, split=f"{split}[:{percent}%]")
    path, kept, changed, left_out = folder / f"{split}.jsonl", 0, 0, 0
    with path.open("wb") as file:
        for one in repair(map(as_line, rows)):
            if one.row is not None:
                file.write(_encode(complete(_decode(one.row))) + b"\n")
                kept += 1
                changed += any(code not in FORM for code, _done in one.changes)
            elif one.line is not None:
                left_out += 1
    return {"split": split, "file": str(path), "rows": kept, "changed": changed, "left_out": left_out}
