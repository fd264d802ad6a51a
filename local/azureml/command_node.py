"""A command job, or a pipeline's command node, being carried out: a real child process on this machine."""

from __future__ import annotations

import shutil
import time
import uuid
from typing import TYPE_CHECKING, Any

from local.azureml import sandbox
from local.azureml.blobstore import BlobFailure
from local.azureml.errors import AzureError
from local.azureml.guarded import Guarded
from local.azureml.outcome import JobFailure, Restarted, Stopped, failed_child
from local.azureml.places import ARTIFACT_STORE, artifacts_path
from local.azureml.tail import last_lines

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.bench import Bench
    from local.azureml.command_plan import CommandPlan
    from local.azureml.records import Job, Step
    from local.azureml.steps import Workshop

Json = dict[str, Any]

_LOOK = 0.1
_KEPT_FOLDERS = ("outputs", "logs")


class CommandNode:
    """One command. It is a step of its job, or the job itself where the plan has no path."""

    def __init__(self, shop: Workshop, bench: Bench, job: Job, plan: CommandPlan) -> None:
        """Lay out the step."""
        self._shop = shop
        self._bench = bench
        self._job = job
        self._plan = plan
        self._step: Step | None = shop.runs.lay_out_command(job, plan.path) if plan.path else None
        self._run = self._step.run if self._step else job.name
        self._folder = shop.folder(job.name)
        self._root = self._folder / f"work-{uuid.uuid4().hex}"
        self._root.mkdir(parents=True)

    def run(self) -> None:
        """Fetch what the command needs, run it, keep what it leaves.

        Raises:
            JobFailure: it failed.
            Stopped: somebody wished it to end.
            Restarted: it lost its node; the job begins again.

        """
        self.check_wish()
        self._move("Running")
        self._say("started")
        try:
            self._strike()
            box = self._laid_out()
            self._carry_out(box)
            self._keep(box)
        except Restarted:
            self._move("Canceled")
            raise
        except Stopped:
            if not self._shop.closing.is_set():
                self._keep_logs()
                self._move("Canceled")
            raise
        except (AzureError, BlobFailure, JobFailure, OSError) as error:
            raise self._failed(error) from error
        self._say("completed")
        self._move("Completed")

    def clean_up(self) -> None:
        """Take away what is no log."""
        shutil.rmtree(self._root, ignore_errors=True)

    def check_wish(self) -> None:
        """Stop here, if somebody has wished it.

        Raises:
            Stopped: somebody has.

        """
        if self._shop.closing.is_set() or self._shop.runs.job(self._job.name).wish:
            raise Stopped

    def _move(self, status: str, error: Json | None = None) -> None:
        if self._step:
            self._shop.runs.move_step(self._run, status, error)

    @property
    def _log(self) -> Path:
        path = self._folder / (self._step.run if self._step else "own") / "std_log.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _say(self, text: str) -> None:
        stamp = self._shop.runs.clock.stamp()
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"[{stamp}] {text}\n")
        if self._step:
            with (self._folder / "executionlogs.txt").open("a", encoding="utf-8") as log:
                log.write(f"[{stamp}] {self._plan.path}: {text}\n")

    def _laid_out(self) -> sandbox.Sandbox:
        if self._plan.environment:
            python = self._bench.settings.python
            self._say(f"environment {self._plan.environment} is not built: this runs with {python}")
        if self._plan.spread:
            self._say("several nodes or processes are asked for: this runs as one process on one node")
        job = self._shop.runs.job(self._job.name)
        inputs = self._bench.inputs(job, self._plan, self._root)
        box = sandbox.Sandbox(self._root, inputs, sandbox.output_paths(self._root, self._plan))
        box.code.mkdir(exist_ok=True)
        if self._plan.code:
            self._bench.fetch_code(self._plan.code, box.code)
        return box

    def _carry_out(self, box: sandbox.Sandbox) -> None:
        self.check_wish()
        scratch = self._root / "tmp"
        scratch.mkdir()
        env = {**self._bench.variables(self._run, self._job), **box.variables(), "TMPDIR": str(scratch)}
        argv = ["bash", "-c", box.command(self._plan.command)]
        child = Guarded(argv, box.code, {**env, **self._plan.variables}, self._log)
        end = time.monotonic() + self._plan.timeout if self._plan.timeout else None
        stopped, late = False, False
        while not child.wait(_LOOK):
            late = end is not None and time.monotonic() > end
            if not stopped and (late or self._shop.closing.is_set() or self._is_wished()):
                stopped = True
                child.stop()
        if late:
            message = f"The command did not end within its limit of {self._plan.timeout:g} s."
            raise JobFailure({"code": "UserError", "message": message})
        if stopped:
            raise Stopped
        if child.exit != 0:
            raise JobFailure({"code": "UserError", "message": self._how_it_failed(child.exit)})

    def _strike(self) -> None:
        """Let the mishap that the admin API has ordered for this command happen."""
        step = self._plan.path or self._job.name
        mishap = self._shop.mishaps.take("job", self._job.name, step)
        if mishap is None:
            return
        with self._log.open("a", encoding="utf-8") as log:
            log.writelines(f"{line}\n" for line in mishap.log)
        if mishap.how == "restart":
            raise Restarted
        raise JobFailure(mishap.error)

    def _is_wished(self) -> bool:
        return bool(self._shop.runs.job(self._job.name).wish)

    def _how_it_failed(self, code: int | None) -> str:
        return f"The command ended with exit code {code}. Its log ends: {last_lines(self._log, 5)}"

    def _keep(self, box: sandbox.Sandbox) -> None:
        outputs = self._bench.keep_outputs(self._job, self._run, self._plan, box)
        if self._step:
            self._shop.runs.give_step(self._run, outputs)
        wired = {f"{self._plan.path}:{name}": uri for name, uri in outputs.items() if self._step}
        bound = {
            target: outputs[name]
            for name, wanted in self._plan.outputs.items()
            for target in wanted.bound
            if name in outputs
        }
        self._shop.runs.give(self._job.name, {**wired, **bound}, {})
        for folder in _KEPT_FOLDERS:
            self._bench.keep_artifacts(self._run, box.code / folder, folder)
        self._keep_logs()

    def _keep_logs(self) -> None:
        datastores = self._shop.datastores
        path = f"{artifacts_path(self._run)}/user_logs/std_log.txt"
        datastores.store_file(self._log, datastores.spot(datastores.uri(path, ARTIFACT_STORE)))

    def _failed(self, error: Exception) -> JobFailure:
        user = isinstance(error, AzureError)
        known = error.error if isinstance(error, JobFailure) else {}
        code = str(known.get("code", "UserError" if user else "SystemError"))
        self._say(f"{code}: {error}")
        if not isinstance(error, BlobFailure):
            self._keep_logs()
        own = {"code": code, "message": str(error), "details": []}
        self._move("Failed", own)
        return failed_child(code, self._plan.path) if self._step else JobFailure(own)
