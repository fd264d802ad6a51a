"""`foretell`: what Azure ML would do with a file, before a GPU is paid for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shared.cli import output
from shared.cli.dataset import chunks_of, file_of
from shared.cli.tokenizers import counter
from shared.datasets.foretold import lines_of
from shared.datasets.inputs import Unreadable
from shared.datasets.prediction import foretold_of
from shared.domain.errors import Rejected

if TYPE_CHECKING:
    from shared.cli.context import Context
    from shared.datasets.foretell import Foretold

FAILS = 2


def foretell(context: Context) -> int:
    """Foretell a file. Exit 0 the job would train, 2 it would fail."""
    path = file_of(context.args.file, "foretell")
    try:
        told = foretold_of(
            chunks_of(path), counter(Path(context.args.tokenizer), context.args.max_seq_length)
        )
    except Unreadable as fault:
        raise Rejected("data-rejected", f"{path} cannot be read: {fault.found}.", "Make it again.") from fault
    if context.args.json:
        output.as_json(msgspec.to_builtins(told))
    else:
        _tell(told)
    return 0 if told.outcome == "trains" else FAILS


def _tell(told: Foretold) -> None:
    output.say(told.why)
    for line in lines_of(told):
        output.say(f"  {line}")
