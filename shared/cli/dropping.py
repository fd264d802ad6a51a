"""`drop` and `check`: a file before and after it leaves this machine."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shared import datasets
from shared.app import views
from shared.app.preparing import options
from shared.app.recipes import find, parse
from shared.app.uploading import upload_folder
from shared.cli import dataset, mending, output, telling, tokenizers, watching
from shared.domain import names
from shared.domain.drops import place
from shared.domain.errors import Permanent, Rejected
from shared.domain.recipe import Recipe

if TYPE_CHECKING:
    from shared.cli.context import Context
    from shared.domain.drops import Drop
    from shared.ports import Drops

LARGE = 64 << 20  # bytes from which several processes pay
MOST_TOLD = 10_000  # findings of one code in --json; some megabytes
EXITS = {"usable": 0, "usable_after_refusals": 1, "rejected": 2}


def check(context: Context) -> int:
    """Check a file or a folder here, offline. Exit 0 usable, 1 usable after refusing rows, 2 rejected.

    With --strict a file of which anything is to be said is rejected. With --fix the mended file is checked.
    --json gives every finding, but at most MOST_TOLD of one code, and tells how many it leaves out.
    """
    args = context.args
    recipe = _recipe_file(args.recipe, "--recipe PATH.yaml") if args.recipe else Recipe()
    path, changes = Path(args.file), None
    files = dataset.files_of(path)
    if args.fix:
        mending.refuse_folder(path, files)
        mending.refuse_overwriting(path, Path(args.fix))
        changes = mending.mend(dataset.chunks_of(path), path, Path(args.fix))
        path = Path(args.fix)
    earlier = _earlier(Path(args.since)) if args.since else None
    how = options(recipe, tokenizers.at_hand(args, recipe))
    report = _report(path, replace(how, most_findings=MOST_TOLD) if args.json else how)
    if earlier is not None:
        report = datasets.compared(report, earlier, args.since, dict(recipe.checks))
    if args.html:
        Path(args.html).write_text(datasets.render_html(report, str(path)), "utf-8")
    if args.json:
        output.as_json(telling.whole(report) | ({} if changes is None else {"changes": changes}))
    else:
        if changes is not None:
            mending.tell(changes, path)
        telling.tell(report)
    return EXITS["rejected"] if args.strict and report.counts else EXITS[report.verdict]


def drop(context: Context) -> int:
    """Check a file or a folder here, put it where its recipe's drops go, and follow its run if asked."""
    args, path, world = context.args, Path(context.args.file), context.world
    dataset.files_of(path)
    if not names.is_recipe(args.recipe):
        raise Permanent("recipe-name", f"{args.recipe!r} cannot name a recipe; expected {names.RULE}.")
    if not args.no_check:
        recipe, _etag, problem = find(world.recipes, args.recipe)
        if problem is not None:
            raise Rejected(problem.code, problem.message, problem.help)
        if path.is_file() and (problem := place(f"{args.recipe}/{path.name}").problem):
            raise Rejected(problem.code, problem.message, problem.help)
        recipe = recipe or Recipe()
        report = _report(path, options(recipe, world.recipes.tokenizer(recipe.base_model.name)))
        if report.verdict == "rejected":
            telling.tell(report)
            raise Rejected("data-rejected", report.reason, f"Mend it and check again: droptune check {path}")
    dropped = _upload(world.drops, path, args.recipe, retrain=args.retrain)
    output.progress(f"dropped {dropped.path} ({dropped.size:,} bytes): run {dropped.run}")
    if not args.wait:
        output.as_json({"run": dropped.run}) if args.json else output.say(dropped.run)
        return 0
    run = watching.follow(world, dropped.run, wait_for_it=True)
    output.as_json(views.line(run)) if args.json else output.say(f"{run.name} is {run.state}: {run.reason}")
    if run.problem is not None:
        output.fault(run.problem)
    return watching.exit_code(run)


def check_recipe(context: Context) -> int:
    """Read a recipe file and name every wrong field."""
    _recipe_file(context.args.file, "droptune recipe check FILE")
    output.as_json({"recipe": context.args.file, "sound": True}) if context.args.json else output.say(
        f"{context.args.file} is a sound recipe"
    )
    return 0


def _recipe_file(given: str, how: str) -> Recipe:
    """Read a recipe by its path, or by its name in recipes/. how: to name another."""
    path = Path(given)
    if not path.exists():
        path = Path("recipes") / f"{given}.yaml"
    if not path.exists():
        raise Permanent("recipe-missing", f"There is no recipe file {given}.", f"Name a file: {how}")
    return parse(path.read_bytes(), str(path))


def _earlier(path: Path) -> datasets.Report:
    """Read the report of an earlier data set; raises Permanent."""
    again = "Make one: droptune check EARLIER --json > REPORT.json"
    if not path.is_file():
        raise Permanent("file-missing", f"There is no report {path}.", again)
    try:
        earlier = datasets.Report.from_json(path.read_bytes())
    except datasets.NotAReport as fault:
        raise Permanent("report-unreadable", f"{path} is no report.json: {fault}.", again) from fault
    if earlier.sketch is None:
        raise Permanent("report-old", f"{path} holds no sketch of its data set.", again)
    return earlier


def _report(path: Path, how: datasets.CheckOptions) -> datasets.Report:
    files = dataset.files_of(path)
    size = dataset.size_of(files)
    cores = len(os.sched_getaffinity(0)) if size > LARGE and hasattr(os, "sched_getaffinity") else 1
    with output.bar(f"checking {path.name}", size) as show:
        return datasets.prepare_parts(dataset.sources(path, files), how, progress=show, cores=cores)


def _upload(drops: Drops, path: Path, recipe: str, *, retrain: bool) -> Drop:
    files, name = dataset.files_of(path), path.resolve().name
    with output.bar(f"uploading {name}", dataset.size_of(files)) as show:
        opened = dataset.opened(files, show)
        if path.is_dir():
            return upload_folder(drops, f"{recipe}/{name}/", opened, retrain=retrain)
        with opened[path.name]() as source:
            return drops.upload(f"{recipe}/{path.name}", source, retrain=retrain)
