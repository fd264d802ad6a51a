"""Runs a job's nodes one after another, with what they need."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.azureml.command_node import CommandNode
from local.azureml.node import Node
from local.azureml.outcome import JobFailure, Stopped
from local.azureml.submission import WIRE, Plan

if TYPE_CHECKING:
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
        nodes = [self._node(job, plan) for plan in self.bench.plans(job.body)]
        self.runs.move(job.name, "Preparing")
        self.runs.move(job.name, "Running")
        try:
            for node in nodes:
                node.run()
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

    def _node(self, job: Job, plan: Plan | CommandPlan) -> Node | CommandNode:
        if isinstance(plan, Plan):
            return Node(self, job, plan)
        return CommandNode(self, self.bench, job, plan)

    def place(self, job: str, uri: str) -> str:
        """Return where an input lies; one that another node puts out is known only now."""
        return self.runs.job(job).outputs.get(uri.removeprefix(WIRE), uri) if uri.startswith(WIRE) else uri
