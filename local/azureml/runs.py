"""The runs of jobs and steps: their states, their metrics, and who is told of a change."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from local.azureml.errors import missing
from local.azureml.records import FINISHED, Job, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local.azureml.clock import Clock
    from local.azureml.events import Events
    from local.azureml.state import Store
    from local.azureml.submission import Plan

Json = dict[str, Any]


class Runs:
    """All changes of jobs and steps go through here, so that each is written first and then told."""

    def __init__(self, store: Store, clock: Clock, events: Events) -> None:
        """Keep runs in `store` and tell `events`."""
        self._store = store
        self._events = events
        self.clock = clock

    def job(self, name: str) -> Job:
        """Return the job.

        Raises:
            AzureError: 404.

        """
        job = self._store.get(Job, name)
        if job is None:
            raise missing("job", name)
        return job

    def step(self, run: str) -> Step | None:
        """Return the step of that run id, or None."""
        return self._store.get(Step, run)

    def steps(self, job: str) -> list[Step]:
        """Return the job's steps in their order."""
        return [step for step in self._store.all(Step) if step.job == job]

    def lay_out(self, job: Job, plan: Plan, *, nested: bool) -> list[Step]:
        """Write the steps of one node, none of them started; their ids are the same each time.

        nested: they are children of a run for the node, and only that one is the job's.
        """
        head = replace(self._fresh(job, plan.node, plan.node), pipeline=True) if nested else None
        steps = [
            replace(
                self._fresh(job, f"{plan.node}/{name}", plan.node),
                name=name,
                parameters=dict(plan.values) if name == "chat_completion_finetune" else {},
                parent=head.run if head else None,
            )
            for name in plan.component.steps
        ]
        with self._store.transaction():
            for step in [head, *steps] if head else steps:
                self._store.put(step.run, step)
        return steps

    def lay_out_command(self, job: Job, path: str) -> Step:
        """Write the step of a command node, not started; its id is the same each time."""
        step = self._fresh(job, path, path)
        self._store.put(step.run, step)
        return step

    def _fresh(self, job: Job, path: str, node: str) -> Step:
        return Step(
            run=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{job.name}/{job.created}/{path}")),
            job=job.name,
            node=node,
            name=path.rpartition("/")[2],
            status="NotStarted",
            created=self.clock.stamp(),
        )

    def give_step(self, run: str, outputs: dict[str, str]) -> None:
        """Add outputs to a step."""
        self._store.change(Step, run, lambda step: replace(step, outputs={**step.outputs, **outputs}))

    def end_steps(self, job: str) -> None:
        """Cancel the steps of a job that has come to its end without them."""
        for step in self.steps(job):
            if step.status not in FINISHED:
                self.move_step(step.run, "Canceled")

    def move(self, name: str, status: str, error: Json | None = None) -> Job:
        """Give the job its next status, unless it has ended; tell of it."""
        now = self.clock.stamp()

        def changed(job: Job) -> Job:
            if job.finished or job.status == status:
                return job
            ended = now if status in FINISHED else None
            started = job.started or (now if status == "Running" else None)
            return replace(job, status=status, started=started, ended=ended, error=error, modified=now)

        with self._store.transaction():
            before = self.job(name)
            after = self._store.change(Job, name, changed) or before
        if after.status != before.status:
            self._events.run_changed(after, None, status)
        return after

    def move_step(self, run: str, status: str, error: Json | None = None) -> None:
        """Give the step its next status; tell of it."""
        now = self.clock.stamp()

        def changed(step: Step) -> Step:
            ended = now if status in FINISHED else None
            started = step.started or (now if status == "Running" else None)
            return replace(step, status=status, started=started, ended=ended, error=error)

        step = self._store.change(Step, run, changed)
        if step:
            self._events.run_changed(self.job(step.job), step, status)

    def restart(self, name: str) -> Job:
        """Take back what an interrupted attempt left, so that the job can run from its start."""
        with self._store.transaction():
            runs = [name, *(step.run for step in self.steps(name))]
            for run in runs:
                self._store.execute("DELETE FROM metrics WHERE run=?", (run,))
                self._store.execute("DELETE FROM facts WHERE run=?", (run,))
            return self._change(name, lambda job: replace(job, started=None, error=None, outputs={}))

    def forget(self, name: str) -> None:
        """Take away a job, its steps, and what they logged."""
        with self._store.transaction():
            steps = [step.run for step in self.steps(name)]
            for run in [name, *steps]:
                for table in ("metrics", "facts"):
                    self._store.execute(f"DELETE FROM {table} WHERE run=?", (run,))  # noqa: S608 - two names
            for run in steps:
                self._store.delete(Step, run)
            self._store.delete(Job, name)

    def wish(self, name: str, wish: str, error: Json | None) -> Job:
        """Write down that the job shall stop, and why."""
        return self._change(name, lambda job: replace(job, wish=wish, wish_error=error))

    def give(self, name: str, outputs: dict[str, str], properties: dict[str, str]) -> Job:
        """Add outputs and properties to the job."""
        return self._change(
            name,
            lambda job: replace(
                job, outputs={**job.outputs, **outputs}, properties={**job.properties, **properties}
            ),
        )

    def describe_step(self, run: str, properties: dict[str, str]) -> None:
        """Add properties to the step."""
        self._store.change(
            Step, run, lambda step: replace(step, properties={**step.properties, **properties})
        )

    def amend(self, name: str, changes: Json) -> Job:
        """Merge tags and properties, replace display name and description, archive or restore."""

        def changed(job: Job) -> Job:
            body = dict(job.body)
            body |= {k: changes[k] for k in ("displayName", "description") if changes.get(k) is not None}
            body["tags"] = {**job.tags, **(changes.get("tags") or {})}
            more = {key: str(value) for key, value in (changes.get("properties") or {}).items()}
            archived = changes.get("hidden", changes.get("isArchived"))
            hidden = job.hidden if archived is None else bool(archived)
            properties = {**job.properties, **more}
            return replace(job, body=body, properties=properties, hidden=hidden, modified=self.clock.stamp())

        return self._change(name, changed)

    def log_metrics(self, runs: Iterable[str], points: Iterable[Json]) -> None:
        """Write the points to each of `runs`, as one write."""
        points = list(points)
        rows = [
            (run, point["key"], float(point["value"]), int(point.get("step", 0)), int(point["timestamp"]))
            for run in runs
            for point in points
        ]
        self._store.insert_many("INSERT INTO metrics(run, key, value, step, time) VALUES(?,?,?,?,?)", rows)

    def latest_metrics(self, run: str) -> list[Json]:
        """Return the last point of each of a run's metrics."""
        rows = self._store.execute(
            "SELECT key, value, step, time FROM metrics WHERE seq IN "
            "(SELECT MAX(seq) FROM metrics WHERE run=? GROUP BY key) ORDER BY key",
            (run,),
        )
        return [_point(*row) for row in rows]

    def metric_points(self, run: str, key: str, after: int, most: int) -> list[tuple[int, Json]]:
        """Return a metric's points behind number `after`, each with its number, oldest first."""
        rows = self._store.execute(
            "SELECT seq, key, value, step, time FROM metrics WHERE run=? AND key=? AND seq>? "
            "ORDER BY seq LIMIT ?",
            (run, key, after, most),
        )
        return [(int(str(seq)), _point(*row)) for seq, *row in rows]

    def _change(self, name: str, how: Callable[[Job], Job]) -> Job:
        changed = self._store.change(Job, name, how)
        if changed is None:
            raise missing("job", name)
        return changed


def _point(key: object, value: object, step: object, time: object) -> Json:
    return {"key": key, "value": value, "step": step, "timestamp": time}
