"""`fetch-dataset`: a public chat data set, a part of each split, in the pipeline's own format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.cli import output
from shared.datasets.inputs import as_line
from shared.datasets.repair import repair
from shared.domain.errors import Permanent

if TYPE_CHECKING:
    from shared.cli.context import Context

MOST_PERCENT = 100


def fetch(context: Context) -> int:
    """Fetch every split, from the hub or a local folder, and write a file for each."""
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
        output.table(fetched, ["split", "file", "rows", "left_out"])
    return 0


def _splits(name: str) -> list[str]:
    from datasets import get_dataset_split_names

    try:
        return list(get_dataset_split_names(name))
    except (OSError, ValueError, RuntimeError) as fault:  # the library's own errors derive from these
        raise Permanent(
            "dataset-missing",
            f"The data set {name!r} cannot be found: {type(fault).__name__}.",
            "Name one of the hub as OWNER/NAME, or a local folder of JSONL or Parquet files.",
        ) from fault


def _split(name: str, split: str, percent: int, folder: Path) -> dict[str, Any]:
    from datasets import load_dataset

    output.progress(f"fetching {percent} % of {split} ...")
    rows = load_dataset(name, split=f"{split}[:{percent}%]")
    path, kept, left_out = folder / f"{split}.jsonl", 0, 0
    with path.open("wb") as file:
        for one in repair(map(as_line, rows)):
            if one.row is not None:
                file.write(one.row + b"\n")
                kept += 1
            elif one.line is not None:
                left_out += 1
    return {"split": split, "file": str(path), "rows": kept, "left_out": left_out}
