"""Runs a job's nodes one after another, with what they need."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.azureml.catalogue import NOOP
from local.azureml.command_node import CommandNode
from local.azureml.node import Node
from local.azureml.noop import NoopNode
from local.azureml.outcome import JobFailure, Stopped
from local.azureml.submission import WIRE, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local.azureml.bench import Bench
    from local.azureml.command_plan import CommandPlan
    from local.azureml.datastores import Datastores
    from local.azureml.mishaps import Mishaps
    from local.azureml.nursery import Nursery
    from local.azureml.records import Job
    from local.azureml.region import Region
    from local.azureml.runs import Runs
    from local.azureml.sources import Sources


@dataclass(frozen=True)
class Workshop:
    """What steps need, and the order in which they come; `root` has one folder a job."""

    runs: Runs
    bench: Bench
    datastores: Datastores
    nursery: Nursery
    mishaps: Mishaps
    region: Region
    root: Path
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def sources(self) -> Sources:
        """Where inputs come from."""
        return self.bench.sources

    def folder(self, job: str) -> Path:
        """Return where the job's logs lie."""
        return self.root / job

    def run(self, job: Job) -> None:
        """Run the job to its end.

        Raises:
            JobFailure: a step failed.
            Stopped: the job was stopped.
            Restarted: the job lost its node and shall begin again.

        """
        shutil.rmtree(self.folder(job.name), ignore_errors=True)
        plans = self.bench.plans(job.body)
        nodes = [self._node(job, plan) for plan in plans]
        self.runs.move(job.name, "Preparing")
        self.runs.move(job.name, "Running")
        try:
            self._run_all(job, plans, nodes)
            nodes[-1].check_wish()
        except (JobFailure, Stopped):
            if not self.closing.is_set():
                self.runs.end_steps(job.name)
            raise
        finally:
            for node in nodes:
                node.clean_up()
        self.runs.move(job.name, "Finalizing")
        self.runs.move(job.name, "Completed")

    def _run_all(
        self, job: Job, plans: Sequence[Plan | CommandPlan], nodes: Sequence[Node | CommandNode]
    ) -> None:
        """Run the nodes; the first failure ends it, unless the job says to go on with what needs it not."""
        goes_on = bool((job.body.get("settings") or {}).get("continue_on_step_failure"))
        failed: dict[str, JobFailure] = {}
        for plan, node in zip(plans, nodes, strict=True):
            lacking = [failed[path] for path in plan.needs if path in failed]
            try:
                if lacking:
                    raise lacking[0]
                node.run()
            except JobFailure as failure:
                if not goes_on:
                    raise
                failed[plan.path] = failure
            else:
                self._hand_on(job.name, plan)
        if failed:
            raise next(iter(failed.values()))

    def _hand_on(self, job: str, plan: Plan | CommandPlan) -> None:
        """Let a fine-tune's model be found by nodes behind it; commands see to that themselves."""
        if isinstance(plan, Plan):
            there = self.runs.job(job).outputs
            known = {key: there[target] for key, target in plan.outputs.items() if target in there}
            self.runs.give(job, {f"{plan.path}:{key}": uri for key, uri in known.items()}, {})

    def _node(self, job: Job, plan: Plan | CommandPlan) -> Node | CommandNode:
        if isinstance(plan, Plan):
            kind = NoopNode if plan.component.name == NOOP else Node
            return kind(self, job, plan)
        return CommandNode(self, self.bench, job, plan)

    def place(self, job: str, uri: str) -> str:
        """Return where an input lies; one that another node puts out is known only now."""
        return self.runs.job(job).outputs.get(uri.removeprefix(WIRE), uri) if uri.startswith(WIRE) else uri
