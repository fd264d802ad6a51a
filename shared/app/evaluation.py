"""The evaluation set: fixed before the job is made, so that losses on the same rows can be compared.

The recipe's own set (`evaluation.dataset`); else the lane's frozen part, which is the first live run's
validation part; before there is one, this drop's. It is passed as the validation file; train rows that ask
what stands in it are taken out.

frozen/<recipe>/<digest>.jsonl          in `prepared`: a set that outlives its run
<run>/<claim>/train-<digest>.jsonl      the train rows that do not stand in it
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from shared.app import comparing, sets
from shared.datasets.rows import folded
from shared.domain.errors import Missing, Permanent
from shared.domain.lane import Evaluated, Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.app.claim import Work
    from shared.domain import actions

DATASET = "evaluation.dataset"


class _Message(msgspec.Struct):
    role: str
    content: str


class _Chat(msgspec.Struct):
    messages: list[_Message]


def fix(work: Work, _action: actions.FixEvaluation) -> None:
    """Choose the run's evaluation set and write the train rows that do not stand in it."""
    run = work.run
    if run.recipe is None or run.prepared is None:
        raise Missing("run-incomplete", f"The run {run.name} has no recipe or prepared data yet.")
    folder, frozen = run.prepared.folder, work.ledger.lane(run.recipe_name).lane.frozen
    if run.recipe.evaluation.dataset is not None:
        chosen = _without(work, _own(work, run.recipe.evaluation.dataset), folder)
    elif frozen is not None and frozen.run != run.name:
        measured = Evaluated(frozen.path, frozen.digest, frozen.run, rows=frozen.rows)
        chosen = _without(work, measured, folder)
    else:
        own = f"{folder}/validation.jsonl"
        digest = sets.digest_of(work.world.prepared.read(own))
        chosen = Evaluated(own, digest, run.name, rows=run.prepared.rows.get("validation"))
    chosen = comparing.chosen(work, run.recipe, chosen)
    work.update(lambda now: replace(now, evaluation=chosen))


def freeze(work: Work) -> Frozen | None:
    """Copy a first live run's validation part to where it outlives the run; None where the lane has one."""
    run, files = work.run, work.world.prepared
    if run.evaluation is None or run.evaluation.of_run != run.name or run.erased is not None:
        return None  # measured on the lane's own, on a set of the recipe's, or on rows that are no more
    if work.ledger.lane(run.recipe_name).lane.frozen is not None:
        return None
    path = frozen_path(run.recipe_name, run.evaluation.digest)
    with files.writer(path) as out:
        for chunk in files.read(run.evaluation.path):
            out.write(chunk)
    return Frozen(path, run.evaluation.digest, run.name, run.evaluation.rows)


def frozen_path(recipe: str, digest: str) -> str:
    """Name the copy that outlives its run."""
    return f"frozen/{recipe}/{digest}.jsonl"


def _own(work: Work, dataset: str) -> Evaluated:
    """Take the recipe's own evaluation set, copied to where jobs read."""
    data = sets.named(work.world, DATASET, dataset)
    rows = len(sets.chats(DATASET, dataset, data))
    path = sets.put(work.world, f"frozen/{work.run.recipe_name}", data)
    return Evaluated(path, sets.digest(data), f"recipes/{dataset}", rows=rows)


def _without(work: Work, chosen: Evaluated, folder: str) -> Evaluated:
    """Write the train rows that ask nothing that stands in the set; none taken out: no file is named."""
    files, source = work.world.prepared, f"{folder}/train.jsonl"
    known = {_question(line) for line in _lines(files.read(chosen.path))}
    path, taken, left = f"{folder}/train-{chosen.digest}.jsonl", 0, 0
    with files.writer(path) as out:
        for line in _lines(files.read(source)):
            if _question(line) in known:
                taken += 1
            else:
                left += 1
                out.write(line + b"\n")
    least = work.run.recipe.data.min_rows if work.run.recipe else 1
    if taken and left < least:
        what = (
            f"{left} train rows are left without the {taken} that ask what stands in the evaluation set "
            f"(from {chosen.of_run}); expected data.min_rows ({least})."
        )
        command = f"droptune drop FILE --recipe {work.run.recipe_name}"
        raise Permanent("train-rows-evaluated", what, f"Drop more rows: {command}")
    return replace(chosen, train=path if taken else None, taken=taken)


def _question(line: bytes) -> bytes:
    """Give 16 bytes for a prepared chat's first question, folded as the split folds it."""
    chat = msgspec.json.decode(line, type=_Chat)
    said = next((message.content for message in chat.messages if message.role == "user"), "")
    return hashlib.sha256(folded(said)).digest()[:16]


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        yield rest
