"""From the dropped bytes to prepared files, a fixed base model, and proof that it is not the same again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from shared import datasets
from shared.app import before
from shared.app.claim import ClaimLost
from shared.datasets.tokenizer_files import TokenizerFiles
from shared.domain import retention
from shared.domain.errors import AlreadyThere, Changed, Missing
from shared.domain.names import short_digest
from shared.domain.parameters import PRODUCT_DEFAULTS
from shared.domain.recipe import bytes_of
from shared.domain.run import Prepared

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from shared.app.claim import Work
    from shared.domain import actions
    from shared.domain.drops import Drop
    from shared.domain.recipe import Recipe
    from shared.ports import Drops
    from shared.ports import Prepared as PreparedFiles

FINDINGS_KEPT = 50


class _Folder:
    """The claim's own folder of prepared files."""

    def __init__(self, files: PreparedFiles, folder: str) -> None:
        self._files = files
        self._folder = folder

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        return self._files.writer(f"{self._folder}/{name}")


def options(recipe: Recipe, tokenizer: Mapping[str, bytes] | None = None) -> datasets.CheckOptions:
    """Say how this recipe's data sets are checked and split. tokenizer: what is kept of its base model's."""
    return datasets.CheckOptions(
        validation_fraction=recipe.data.validation_fraction,
        test_fraction=recipe.data.test_fraction,
        min_rows=recipe.data.min_rows,
        max_bad_fraction=recipe.data.max_bad_fraction,
        max_bytes=bytes_of(recipe.data.max_size),
        dedupe=recipe.data.dedupe,
        severities=dict(recipe.checks),
        tokenizer=TokenizerFiles.of(
            recipe.base_model.name, tokenizer or {}, int(_number(recipe, "max_seq_length", -1))
        ),
        epochs=_number(recipe, "num_train_epochs", PRODUCT_DEFAULTS["num_train_epochs"]),
    )


def sources(drops: Drops, drop: Drop) -> list[datasets.Source]:
    """Say what a drop is made of: itself, or a folder's members, each destined for a part."""
    if not drop.members:
        return [datasets.Source(drops.open(drop))]
    return [
        datasets.Source(drops.open(member), member.part, member.name)
        for member in drop.members
        if member.part is not None
    ]


def _number(recipe: Recipe, key: str, default: float) -> float:
    """Read a number of the training section; one that is wrong is refused when the job is made."""
    try:
        return float(recipe.training.get(key, default))
    except (TypeError, ValueError):
        return default


def prepare(work: Work, _action: actions.Prepare) -> None:
    """Read the drop once; its prepared files are real once the ledger names their folder."""
    world, run = work.world, work.run
    if run.recipe is None:
        return
    folder = f"{run.name}/{short_digest(world.new_id())}"
    out = _Folder(world.prepared, folder)
    try:
        how = options(run.recipe, world.recipes.tokenizer(run.recipe.base_model.name))
        report = datasets.prepare_parts(sources(world.drops, run.drop), how, out)
    except ClaimLost:
        raise
    except (Changed, Missing):
        return  # the next look sees that the source is another, and ends the run
    report = before.compared(work, report)
    with out.open("report.json") as file:
        file.write(report.to_json())
    with out.open("report.html") as file:
        file.write(datasets.render_html(report, run.drop.path).encode())
    work.update(lambda now: replace(now, prepared=_summary(report, folder)))


def resolve_model(work: Work, _action: actions.ResolveModel) -> None:
    """Fix the base model's version and keep its tags and defaults."""
    recipe = work.run.recipe
    if recipe is None:
        return
    wanted = recipe.base_model
    found = work.world.models.resolve(wanted.name, wanted.registry, str(wanted.version))
    work.update(lambda run: replace(run, base_model=found))


def claim_same(work: Work, _action: actions.ClaimSame) -> None:
    """Hold `same/<key>` for this run, or learn which run holds it."""
    key = _same_key(work)
    documents, mine = work.world.ledger, work.run.name.encode()
    holder: str | None = None
    try:
        documents.create(f"same/{key}", mine)
    except AlreadyThere:
        stored = documents.read(f"same/{key}")
        holder = stored.data.decode()
        if holder != work.run.name and (work.run.drop.retrain or _stands_for_nothing(work, holder)):
            documents.replace(f"same/{key}", mine, stored.etag)
            holder = None
    same_as = holder if holder != work.run.name else None
    work.update(lambda run: replace(run, same_key=key, same_as=same_as))


def _same_key(work: Work) -> str:
    run = work.run
    if run.prepared is None or run.base_model is None or run.recipe is None:
        raise Missing("run-incomplete", f"The run {run.name} has no prepared data or base model yet.")
    parts: dict[str, Any] = {"data": run.recipe.data, "training": run.recipe.training}
    recipe = msgspec.json.encode(parts, order="deterministic").decode()
    return short_digest(run.recipe_name, run.prepared.data_digest, run.base_model.id, recipe, length=32)


def _stands_for_nothing(work: Work, holder: str) -> bool:
    """Tell whether the holder ended without ever having served, or its model is no more."""
    try:
        run = work.ledger.load(holder).run
    except Missing:
        return True
    return run.state in before.NEVER_LIVE or retention.is_passed_over(run) or run.model_gone


def _summary(report: datasets.Report, folder: str) -> Prepared:
    findings: list[dict[str, Any]] = msgspec.to_builtins(list(report.findings[:FINDINGS_KEPT]))
    return Prepared(
        folder=folder,
        verdict=report.verdict,
        reason=report.reason,
        rows=msgspec.to_builtins(report.rows),
        counts=dict(report.counts),
        findings=tuple(findings),
        data_digest=report.data_digest,
        source_digest=report.source_digest,
        since=datasets.newer(report.since) if report.since else "",
    )
