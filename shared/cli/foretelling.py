"""`foretell`: what Azure ML would do with a file, before a GPU is paid for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shared.cli import output
from shared.cli.dataset import chunks_of, file_of
from shared.datasets.inputs import Unreadable
from shared.datasets.prediction import foretold_of
from shared.datasets.tokens import TokenCounter
from shared.domain.errors import Permanent, Rejected

if TYPE_CHECKING:
    from shared.cli.context import Context
    from shared.datasets.foretell import Foretold, Lines

FAILS = 2
NEEDED = ("tokenizer.json", "tokenizer_config.json")


def foretell(context: Context) -> int:
    """Foretell a file. Exit 0 the job would train, 2 it would fail."""
    path = file_of(context.args.file)
    try:
        told = foretold_of(
            chunks_of(path), _counter(Path(context.args.tokenizer), context.args.max_seq_length)
        )
    except Unreadable as fault:
        raise Rejected("data-rejected", f"{path} cannot be read: {fault.found}.", "Make it again.") from fault
    if context.args.json:
        output.as_json(msgspec.to_builtins(told))
    else:
        _tell(told)
    return 0 if told.outcome == "trains" else FAILS


def _counter(folder: Path, limit: int) -> TokenCounter:
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise Permanent(
            "tokenizer-missing",
            f"{folder} holds no {' and no '.join(missing)}.",
            "Name the base model's folder: --tokenizer DIR",
        )
    tokenizer, config = ((folder / name).read_bytes() for name in NEEDED)
    template = folder / "chat_template.jinja"
    try:
        own = template.read_text("utf-8") if template.is_file() else None
        return TokenCounter.of(tokenizer, config, own, limit)
    except ValueError as fault:
        raise Permanent(
            "tokenizer-unusable", f"{folder}: {fault}.", "Take the base model's own folder."
        ) from fault


def _tell(told: Foretold) -> None:
    output.say(told.why)
    _lines("dropped without a word", told.dropped_silently)
    _lines("cut at the limit", told.cut)
    _lines("left with nothing to learn", told.nothing_to_learn)


def _lines(what: str, lines: Lines) -> None:
    if lines.count:
        more = " …" if lines.count > len(lines.first) else ""
        output.say(f"  {lines.count:,} {what}: lines {', '.join(map(str, lines.first))}{more}")
