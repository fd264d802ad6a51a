"""The five steps of a chat-completion fine-tune, carried out on this machine."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from typing import TYPE_CHECKING, Any

from local.azureml.blobstore import BlobFailure
from local.azureml.errors import AzureError
from local.azureml.finetune_rules import refusal
from local.azureml.mishaps import FINETUNE
from local.azureml.outcome import JobFailure, Restarted, Stopped, failed_child
from local.azureml.submission import FILES, MODEL
from local.azureml.tail import Tail, last_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.azureml.mishaps import Mishap
    from local.azureml.nursery import Child
    from local.azureml.records import Job, Step
    from local.azureml.steps import Workshop
    from local.azureml.submission import Plan

Json = dict[str, Any]

_LOOK = 0.25
# Both as the steps themselves say it (Azure/azureml-assets, model_import and preprocess).
_NO_MODEL = "Must provide one of: --huggingface_id, --pytorch_model_path, or --mlflow_model_path"
_NO_MLMODEL = "The trainer left no MLflow model: there is no file MLmodel in its output."
_NO_TRAIN_FILE = "train_file_path or train_mltable_path need to be passed"


class Node:
    """One node of a job being carried out: its folder, its steps, what they hand on."""

    def __init__(self, shop: Workshop, job: Job, plan: Plan) -> None:
        """Lay out the node's steps."""
        self._shop = shop
        self._job = job
        self._plan = plan
        self._folder = shop.folder(job.name)
        # A name of its own: what an attempt before SIGKILL may still write can't reach this one.
        self._work = self._folder / f"work-{uuid.uuid4().hex}"
        self._work.mkdir(parents=True)
        self._base: Path | None = None
        self._steps = shop.runs.lay_out(job, plan, nested=shop.region.settings.nested_steps)
        self._head = self._steps[0].parent
        self._mishap: Mishap | None = None

    def run(self) -> None:
        """Carry out the steps one after another; the first that fails ends the others."""
        self._move_head("Running")
        for place, (step, action) in enumerate(zip(self._steps, self.actions(), strict=True)):
            try:
                self._carry_out(step, action)
            except (JobFailure, Restarted, Stopped) as end:
                if self._shop.closing.is_set():
                    raise
                for rest in self._steps[place + 1 :]:
                    self._shop.runs.move_step(rest.run, "Canceled")
                error = end.error if isinstance(end, JobFailure) else None
                self._move_head("Failed" if error else "Canceled", error)
                raise
        self._move_head("Completed")

    def actions(self) -> tuple[Callable[[Step], None], ...]:
        """Return what each step does."""
        return (self._validate, self._import_model, self._preprocess, self._finetune, self._convert)

    def _move_head(self, status: str, error: Json | None = None) -> None:
        """Move the run that lies between the job and the steps, if there is one."""
        if self._head:
            self._shop.runs.move_step(self._head, status, error)

    def clean_up(self) -> None:
        """Take away what is no log."""
        shutil.rmtree(self._work, ignore_errors=True)

    def _carry_out(self, step: Step, action: Callable[[Step], None]) -> None:
        self.check_wish()
        self._shop.runs.move_step(step.run, "Running")
        self._say(step, f"{step.name} started")
        self._mishap = self._shop.mishaps.take("job", self._job.name, step.name)
        try:
            self._strike(step, 0)
            action(step)
            self._strike(step, None)
        except Restarted:
            self._shop.runs.move_step(step.run, "Canceled")
            raise
        except Stopped:
            if not self._shop.closing.is_set():
                self._shop.runs.move_step(step.run, "Canceled")
            raise
        except (AzureError, BlobFailure, JobFailure, OSError) as error:
            raise self._failed(step, error) from error
        self._say(step, f"{step.name} completed")
        self._shop.runs.move_step(step.run, "Completed")

    def _strike(self, step: Step, points: int | None) -> None:
        """Let the step's mishap happen, if it is due after so many metric points; None is the step's end."""
        mishap = self._mishap
        if mishap is None or (points is not None and points < mishap.points):
            return
        with self._log(step).open("a", encoding="utf-8") as log:
            log.writelines(f"{line}\n" for line in mishap.log)
        if mishap.how == "restart":
            self._say(step, f"{mishap.error['message']} The job begins again.")
            raise Restarted
        raise JobFailure(mishap.error)

    def _failed(self, step: Step, error: Exception) -> JobFailure:
        usual = "UserError" if isinstance(error, AzureError) else "SystemError"
        known = error.error if isinstance(error, JobFailure) else {}
        code = str(known.get("code", usual))
        self._say(step, f"{code}: {error}")
        self._shop.runs.move_step(step.run, "Failed", {"code": code, "message": str(error), "details": []})
        return failed_child(code, f"{self._plan.node}/{step.name}")

    def check_wish(self) -> None:
        """Stop here, if somebody has wished it.

        Raises:
            Stopped: somebody has.

        """
        if self._shop.closing.is_set() or self._shop.runs.job(self._job.name).wish:
            raise Stopped

    def _log(self, step: Step) -> Path:
        path = self._folder / step.run / "std_log.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _say(self, step: Step, text: str) -> None:
        line = f"[{self._shop.runs.clock.stamp()}] {text}\n"
        for path in (self._log(step), self._folder / "executionlogs.txt"):
            with path.open("a", encoding="utf-8") as log:
                log.write(line)

    def _validate(self, step: Step) -> None:
        """Validate nothing: neither does Azure's step of that name."""
        self._say(step, "Validation Completed")

    def _import_model(self, step: Step) -> None:
        if MODEL not in self._plan.uris:
            raise JobFailure({"code": "UserError", "message": _NO_MODEL})
        base = self._shop.sources.model_folder(self._plan.uris[MODEL])
        if not (base / "config.json").is_file():
            raise JobFailure(
                {
                    "code": "SystemError",
                    "message": f"The local model {base} is not there. Make it: "
                    f"python -m local.trainer convert --out {base.parent}",
                }
            )
        self._say(step, f"{self._plan.uris[MODEL]} stands on the local model '{base.name}'")
        self._base = base

    def _preprocess(self, step: Step) -> None:
        files = {}
        for name in FILES:
            if name in self._plan.uris:
                part = name.removesuffix("_file_path")
                files[part] = self._work / "inputs" / f"{part}.jsonl"
                uri = self._shop.place(self._job.name, self._plan.uris[name])
                self._shop.sources.fetch(uri, files[part])
        if "train" not in files:
            raise JobFailure({"code": "SystemError", "message": _NO_TRAIN_FILE})
        spec = {"files": {part: str(path) for part, path in files.items()}}
        result = self._run_child(step, "preprocess", {**spec, "output_dir": str(self._work / "data")})
        self._say(step, f"rows: {json.dumps(result.get('rows'))}")

    def _finetune(self, step: Step) -> None:
        self._shop.runs.give(self._job.name, {}, {"PipelineType": "Finetune"})
        self._shop.runs.describe_step(step.run, {"showMetricsAtRoot": "true"})
        refused = refusal(self._plan.values, self._shop.sources.machine(self._plan))
        if refused:
            raise JobFailure({"code": "UserError", "message": refused})
        data = self._work / "data"
        self._run_child(
            step,
            "finetune",
            {
                **{part: str(data / f"{part}.jsonl") for part in ("train", "validation")},
                "output_dir": str(self._work / "model"),
                "metrics": str(self._work / "metrics.jsonl"),
            },
        )

    def _run_child(self, step: Step, kind: str, more: Json) -> Json:
        """Have the trainer do a task; metrics and properties go to the step's run and the root's."""
        path, result = self._work / f"{kind}.json", self._work / f"{kind}-result.json"
        spec = {"base_model": str(self._base), "parameters": dict(self._plan.values), "result": str(result)}
        path.write_text(json.dumps({**spec, **more}), "utf-8")
        child = self._shop.nursery.start(kind, path, self._log(step))
        self._attend(step, child)
        self.check_wish()
        return self._take_result(step, result, child.exit)

    def _attend(self, step: Step, child: Child) -> None:
        tail, points, stopped = Tail(self._work / "metrics.jsonl"), 0, False
        while True:
            ended = child.wait(_LOOK)
            new = tail.new() if step.name == FINETUNE else []
            points += len(new)
            self._shop.runs.log_metrics((self._job.name, step.run), new)
            if ended:
                break
            if not stopped and (self._shop.runs.job(self._job.name).wish or self._is_due(points)):
                stopped = True
                child.stop()
        self._strike(step, points)
        if stopped:
            raise Stopped

    def _is_due(self, points: int) -> bool:
        return self._mishap is not None and points >= self._mishap.points

    def _take_result(self, step: Step, path: Path, code: int | None) -> Json:
        result: Json = json.loads(path.read_text("utf-8")) if path.exists() else {}
        if result.get("status") == "failed":
            raise JobFailure(result["error"])
        if code != 0 or result.get("status") != "completed":
            log = last_lines(self._log(step), 5)
            message = f"The trainer ended with exit code {code} and left no result. Its log ends: {log}"
            raise JobFailure({"code": "SystemError", "message": message})
        properties = {key: str(value) for key, value in (result.get("properties") or {}).items()}
        self._shop.runs.give(self._job.name, {}, properties)
        self._shop.runs.describe_step(step.run, properties)
        return result

    def _convert(self, step: Step) -> None:
        model = self._work / "model"
        if not (model / "MLmodel").is_file():
            raise JobFailure({"code": "SystemError", "message": _NO_MLMODEL})
        started = time.monotonic()
        for output in self._plan.outputs.values():
            path = f"azureml/{self._job.name}/{output}/"
            uri = self._shop.datastores.uri(path)
            count = self._shop.datastores.store_folder(model, self._shop.datastores.spot(uri))
            self._say(step, f"{count} files written to {path} in {time.monotonic() - started:.1f} s")
            self._shop.runs.give(self._job.name, {output: uri}, {})
        if not self._plan.outputs:
            self._say(step, "no output of the job is bound to this node: the model is not kept")
