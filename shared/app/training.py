"""The effects on jobs and models."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.app import comparing, computing, curves, estimating
from shared.app import lanes as lane_changes
from shared.domain import cost, names, parameters, tags
from shared.domain import lane as lanes
from shared.domain.errors import AlreadyThere, Changed, Missing, Permanent
from shared.ports import CompareStep, JobSpec, ModelVersion

if TYPE_CHECKING:
    from shared.app.claim import Work
    from shared.domain import actions
    from shared.domain.base_model import ResolvedModel
    from shared.domain.recipe import Recipe
    from shared.domain.run import Prepared, Run
    from shared.domain.sizes import Size
    from shared.ports import Job

FILES = {
    "train_file_path": "train.jsonl",
    "validation_file_path": "validation.jsonl",
    "test_file_path": "test.jsonl",
}
TAKEN = "job-name-taken"


def submit_job(work: Work, _action: actions.SubmitJob) -> None:
    """Make the job under its derived name; one that is there already is taken up."""
    made = spec(work)
    try:
        job = work.world.jobs.submit(made)
    except Changed as taken:
        if taken.problem.code != TAKEN:
            raise  # Azure ML could not write it just now; that says nothing about who has the name
        job = _earlier_try(work, made.name, taken)
    known, started = job.tags.get(tags.SPEC), job.started or work.world.now()
    work.update(lambda run: replace(run, job_spec=known, job_started=started, job_url=job.url, waits=0))


def _earlier_try(work: Work, name: str, taken: Changed) -> Job:
    """Take up the job of a try whose answer was lost, though Azure has published another component since.

    Raises Permanent where another than this run made it.
    """
    found = work.world.jobs.find(name)
    if tags.lead_to(found.tags, work.world.installation, work.run.name):
        return found
    mend = f"Look at {name} in the studio, then: droptune retry {work.run.name}"
    raise Permanent(TAKEN, taken.problem.message, mend) from taken


def spec(work: Work) -> JobSpec:
    """Describe the job of this run's present attempt."""
    run = work.run
    recipe, prepared, base = _ready(run)
    component, inputs = work.world.models.component(work.world.component, recipe.base_model.registry)
    merged = parameters.merge(inputs, base.defaults, recipe.training)
    machine = computing.machine(work.world, recipe)
    values = dict(merged.values) | _places(recipe, machine)
    data_set = PurePosixPath(run.drop.path).name.split(".", 1)[0]
    return JobSpec(
        name=run.job or names.job(run.name, run.job_attempt),
        display_name=parameters.display_name(base.name, data_set, values, machine.gpus),
        experiment=f"chat_completion_{base.name}",
        component=component,
        model_id=base.id,
        inputs={name: value for name, value in values.items() if name in inputs},
        files=_files(run, prepared.folder),
        tags=tags.of(run, work.world.installation),
        compare=_compare(run, recipe, machine),
    )


def _compare(run: Run, recipe: Recipe, machine: Size) -> CompareStep | None:
    """Name what the step of our own compares, where the recipe asks for it."""
    fixed = run.evaluation
    if fixed is None or fixed.against is None:
        return None
    place = recipe.compute.name, machine.name
    return CompareStep(fixed.against.model, fixed.path, fixed.general, *place)


def _files(run: Run, folder: str) -> dict[str, str]:
    """Name the three files; without all of them Azure ML quietly splits the train rows itself."""
    files = {name: f"{folder}/{file}" for name, file in FILES.items()}
    if run.evaluation is not None:
        files["validation_file_path"] = run.evaluation.path
        files["train_file_path"] = run.evaluation.train or files["train_file_path"]
    return files


def _ready(run: Run) -> tuple[Recipe, Prepared, ResolvedModel]:
    if run.recipe is None or run.prepared is None or run.base_model is None:
        raise Missing("run-incomplete", f"The run {run.name} has no recipe, prepared data or base model yet.")
    return run.recipe, run.prepared, run.base_model


def _places(recipe: Recipe, machine: Size) -> dict[str, parameters.Value]:
    """Name compute and size for each step: the component's own defaults are retired sizes."""
    steps = parameters.STEPS
    places: dict[str, parameters.Value] = {f"compute_{step}": recipe.compute.name for step in steps}
    places |= {f"instance_type_{step}": machine.name for step in steps}
    return places | {"number_of_gpu_to_use_finetuning": max(machine.gpus, 1)}


def cancel_job(work: Work, _action: actions.CancelJob) -> None:
    """Ask for the job's end."""
    if work.run.job is not None:
        work.world.jobs.cancel(work.run.job)


def read_metrics(work: Work, _action: actions.ReadMetrics) -> None:
    """Keep the job's figures in the run, and its curves in a document of their own."""
    name = work.run.job or ""
    found = dict(work.world.jobs.metrics(name))
    tokens = dict(work.world.jobs.tokens(name))
    known = curves.keep(work, work.world.jobs.curves(name))
    known |= comparing.read(work)
    estimating.learn(work)
    known |= {"spent_usd": cost.spent(work.run, work.world.now())}
    work.update(lambda run: replace(run, metrics=found, tokens=tokens, metrics_read=True, **known))


def choose_version(work: Work, _action: actions.ChooseVersion) -> None:
    """Choose name and version under the lane's compare-and-swap, before anything is made."""
    run, chosen = work.run, 0

    def alter(lane: lanes.Lane) -> lanes.Lane:
        nonlocal chosen
        after, chosen = lanes.choose_version(lane, run.received)
        return after

    lane_changes.change(work.ledger, run.recipe_name, alter)
    base = run.base_model.name if run.base_model else ""
    model = names.model(base, run.recipe_name)
    work.update(lambda now: replace(now, model=model, model_version=str(chosen)))


def register_model(work: Work, _action: actions.RegisterModel) -> None:
    """Register the job's output, with tags that lead back to where it came from."""
    run = work.run
    model = ModelVersion(
        name=run.model or "",
        version=run.model_version or "",
        tags=tags.of(run, work.world.installation) | {tags.JOB: run.job or ""},
        id="",
    )
    path = f"azureml://jobs/{run.job}/outputs/trained_model"
    try:
        work.world.models.register(model, path, f"Fine-tuned on {run.drop.path} by {run.name}")
    except AlreadyThere:
        return  # the next look tells whose it is
