"""Many small drops over many recipes on a whole stack, with the component that trains nothing.

`python3 dev.py bench load [--drops 1000] [--recipes 50] [--minutes 10] [--within 40]`: each drop's run ends,
none is lost, none is doubled. Only the trainer is left out; every trigger, document, job, model version,
endpoint, deployment and traffic change is there (local/azureml/README.md, the component `noop`).
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from local.layout import ROOT
from local.stack import Stack
from tests.bench.load_client import recipe
from tests.e2e.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = ("queue", "queue", "queue", "parallel", "replace")  # recipe after recipe
RECIPE = """\
on_new_data: {kind}
serving: {{rollout: [100], keep_previous_hours: 0.01}}
cost: {{approve_above_usd: null, grace_hours: 0}}
evaluation: {{max_regression: 100, general: null}}
"""
# Nearer to the delays of Azure than those of a laptop's demo: many runs share two processors.
SETTINGS = {
    "AZUREML_COMPONENT": "noop",
    "RECONCILE_SCHEDULE": "*/20 * * * * *",
    "SWEEP_SCHEDULE": "0 * * * * *",
    "LISTING_SECONDS": "60",
    "DROP_AGE_SECONDS": "60",
    "OVERDUE_SECONDS": "30",
    "POLL_SECONDS": "1",
    "POLL_SECONDS_MAX": "20",
    "JOB_POLL_SECONDS": "10",
    "JOB_POLL_SECONDS_MAX": "60",
    "CLAIM_SECONDS": "120",
}
JOBS_AT_ONCE = 8
MADE = {
    "jobs": "PUT {ws}/jobs/{name}",
    "models": "PUT {ws}/models/{name}/versions/{version}",
    "endpoints": "PUT {ws}/onlineEndpoints/{endpoint}",
    "deployments": "PUT {ws}/onlineEndpoints/{endpoint}/deployments/{name}",
}
CALLED = re.compile(r"function=(\S+) invocation=\S+ outcome=(\S+) seconds=([\d.]+)")
RAISED = re.compile(r"function=(\S+) invocation=\S+ raised (\S+)")
PUT_OFF = re.compile(r"run \S+: (\S+) in (\w+), attempt")


@dataclass(frozen=True)
class Load:
    """How much, and in which time: minutes to drop it all, minutes until all must have ended."""

    drops: int = 1000
    recipes: int = 50
    minutes: float = 10
    within: float = 40


@dataclass
class Outcome:
    """What came of it."""

    load: Load
    seconds: float = 0
    runs: list[dict[str, Any]] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    triggers: Counter[str] = field(default_factory=Counter)
    raised: Counter[str] = field(default_factory=Counter)
    busy: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    processor: dict[str, float] = field(default_factory=dict)

    def broken(self) -> list[str]:
        """Say what does not hold; nothing, where all does."""
        return [*self._lost_or_doubled(), *self._made_twice(), *self._wrong_champions()]

    def _lost_or_doubled(self) -> Iterator[str]:
        dropped = {f"{recipe(n % self.load.recipes)}/{n:05}.jsonl" for n in range(self.load.drops)}
        runs = Counter(run["drop"] for run in self.runs)
        yield from (f"lost: {path}" for path in sorted(dropped - set(runs)))
        yield from (f"{count} runs of {path}" for path, count in runs.items() if count > 1)
        for run in self.runs:
            # The sweep retires what newer ones have taken the traffic from.
            if run["state"] not in {"live", "superseded"} and run["states"][-2:] != ["superseded", "retired"]:
                yield f"{run['name']} is {run['state']}: {run['reason']}"

    def _made_twice(self) -> Iterator[str]:
        """Hold what was made, and the calls that made it, against what the runs' histories say."""
        trained = [run for run in self.runs if "training" in run["states"]]
        registered = [run["model"] for run in self.runs if "deploying" in run["states"]]
        deployed = [run["deployment"] for run in self.runs if "testing" in run["states"]]
        submitted = {run["job"] for run in trained} & set(self.jobs)
        if sorted(self.jobs) != sorted(submitted):
            yield f"jobs that no run knows: {set(self.jobs) - submitted}"
        if len(set(registered)) < len(registered) or not set(registered) <= set(self.models):
            yield f"{len(registered)} runs registered {len(set(registered))} versions of {len(self.models)}"
        for what, most in (
            ("jobs", len(self.jobs)),
            ("models", len(self.models)),
            ("deployments", len({run["deployment"] for run in self.runs if run["deployment"]})),
        ):
            if not (made := self._made(what)) <= most:
                yield f"{made} calls made {most} {what}"
        if len(set(deployed)) < len(deployed):
            yield "two runs share a deployment"

    def _made(self, what: str) -> int:
        """Count the calls that made something: one that found no quota made nothing."""
        return self.calls.get(MADE[what], 0) - self.refused.get(MADE[what], 0)

    def _wrong_champions(self) -> Iterator[str]:
        for number in range(min(self.load.recipes, self.load.drops)):
            mine = [run for run in self.runs if run["drop"].startswith(f"{recipe(number)}/")]
            live = [run["name"] for run in mine if run["state"] == "live"]
            newest = max(mine, key=lambda run: tuple(run["place"]), default=None)
            if newest is None or live != [newest["name"]]:
                yield f"{recipe(number)}: live are {live}, the newest is {newest and newest['name']}"

    def told(self) -> Iterator[str]:
        """Say it in lines, figures per run."""
        count = max(len(self.runs), 1)
        ends = Counter(run["state"] for run in self.runs)
        seconds = sorted(run["seconds"] for run in self.runs)
        said = ", ".join(f"{n} {state}" for state, n in ends.most_common())
        yield f"{len(self.runs)} runs of {self.load.drops} drops ended in {self.seconds / 60:.1f} min: {said}"
        if seconds:
            middle, late = seconds[count // 2], seconds[min(count - 1, int(count * 0.95))]
            yield f"from receipt to its end: {middle:.0f} s in the median, {late:.0f} s at 95 of 100"
        azureml = sum(self.calls.values())
        yield f"calls of Azure ML a run: {azureml / count:.1f}"
        for route, n in Counter(self.calls).most_common(12):
            yield f"  {n / count:6.2f}  {route}"
        made = [f"{what} {self._made(what)}" for what in MADE]
        yield f"calls that made something: {', '.join(made)}"
        yield "calls of functions a run, and seconds in them:"
        for name, n in self.triggers.most_common():
            yield f"  {n / count:6.2f}  {self.busy[name] / count:6.2f} s  {name}"
        yield from (f"  {n} times {what}" for what, n in self.raised.most_common(12))
        used = ", ".join(f"{name} {seconds / count:.2f}" for name, seconds in self.processor.items())
        yield f"seconds of processor a run: {used}"


def run(load: Load, folder: Path, progress: Callable[[str], None]) -> Outcome:
    """Bring a stack up in `folder`, load it, look at what is left."""
    recipes = folder / "recipes"
    recipes.mkdir(parents=True)
    for number in range(load.recipes):
        text = RECIPE.format(kind=KINDS[number % len(KINDS)])
        (recipes / f"{recipe(number)}.yaml").write_text(text)
    options = ("--noop", "--jobs-at-once", str(JOBS_AT_ONCE))
    stack = Stack(folder / "stack", foundation="tiny", recipes=recipes, settings=SETTINGS, azureml=options)
    with stack:
        outcome = Outcome(load)
        _drive(stack, outcome, progress)
        _look(Rig(stack), outcome)
    return outcome


def _drive(stack: Stack, outcome: Outcome, progress: Callable[[str], None]) -> None:
    load, begun = outcome.load, time.monotonic()
    figures = (load.drops, load.recipes, load.minutes, load.within)
    command = [sys.executable, "-m", "tests.bench.load_client", *map(str, figures)]
    with subprocess.Popen(command, cwd=ROOT, env=stack.env, stdout=subprocess.PIPE, text=True) as client:
        for line in client.stdout or ():
            found = json.loads(line)
            if "run" in found:
                outcome.runs.append(found["run"])
                continue
            outcome.seconds = time.monotonic() - begun
            ended = found["received"] - found["active"]
            progress(
                f"{found['seconds'] // 60:3}:{found['seconds'] % 60:02}  {found['dropped']} of {load.drops} "
                f"dropped, {found['received']} received, {max(ended, 0)} ended"
            )


def _look(rig: Rig, outcome: Outcome) -> None:
    state = rig.azureml("/admin/state")
    requests = rig.azureml("/admin/requests")
    outcome.calls, outcome.refused = requests["calls"], requests["refused"]
    outcome.jobs = [job["name"] for job in state["jobs"]]
    outcome.models = [asset.removeprefix("model ") for asset in state["assets"] if asset.startswith("model ")]
    log = rig.stack.logs("host").read_text("utf-8")
    outcome.raised.update(f"{name} raised {error}" for name, error in RAISED.findall(log))
    outcome.raised.update(f"a look failed for {code} in {state}" for code, state in PUT_OFF.findall(log))
    for name, how, seconds in CALLED.findall(log):
        trigger = name if how == "succeeded" else f"{name} ({how})"
        outcome.triggers[trigger] += 1
        outcome.busy[trigger] += float(seconds)
    for name, child in rig.stack.running().items():
        times = psutil.Process(child.pid).cpu_times()
        outcome.processor[name] = times.user + times.system


def main(arguments: list[str]) -> int:
    """Load a stack as the arguments say, and print what came of it; 1 where something does not hold."""
    parser = argparse.ArgumentParser(prog="dev.py bench load", description=__doc__)
    parser.add_argument("--drops", type=int, default=Load.drops)
    parser.add_argument("--recipes", type=int, default=Load.recipes)
    parser.add_argument("--minutes", type=float, default=Load.minutes, help="in which all are dropped")
    parser.add_argument("--within", type=float, default=Load.within, help="minutes in which all must end")
    asked = Load(**vars(parser.parse_args(arguments)))
    shown = sys.stderr.isatty()
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        outcome = run(asked, Path(folder), lambda text: print(text, end="\r" if shown else "\n", flush=True))
    print()
    broken = outcome.broken()
    print("\n".join([*outcome.told(), *broken]))
    print(f"{len(outcome.runs)} runs; {len(broken)} things do not hold")
    return 1 if broken else 0
