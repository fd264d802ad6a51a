"""Runs jobs: at most two at once, in the order they came, again from their start after a restart."""

from __future__ import annotations

import logging
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from local.azureml.outcome import JobFailure, Restarted, Stopped
from local.azureml.records import Job

if TYPE_CHECKING:
    from local.azureml.runs import Runs
    from local.azureml.state import Store
    from local.azureml.steps import Workshop

Json = dict[str, Any]

LOG = logging.getLogger("azureml.runner")


class Runner:
    """A queue of jobs and the threads that work it off."""

    def __init__(self, store: Store, runs: Runs, workshop: Workshop, at_once: int) -> None:
        """Run up to `at_once` jobs at a time in `workshop`."""
        self._store = store
        self._runs = runs
        self._workshop = workshop
        self._at_once = at_once
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="job")
        self._lock = threading.Lock()
        self._taken: set[str] = set()
        self._closing = workshop.closing

    def resume(self) -> None:
        """Take up the jobs that an earlier process left unfinished."""
        for job in self._store.all(Job):
            if not job.finished:
                LOG.info("job %s was %s and runs again from its start", job.name, job.status)
                self.submit(job.name)

    def close(self) -> None:
        """Let no job begin; those that run end with their children and stay as they are."""
        self._closing.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def join(self) -> None:
        """Wait until the threads are done; their children must have been ended before."""
        self._pool.shutdown(wait=True)

    def is_full(self) -> bool:
        """Return whether a job submitted now would wait."""
        with self._lock:
            return len(self._taken) >= self._at_once

    def submit(self, name: str) -> None:
        """Put the job into the queue, unless it is there or runs."""
        with self._lock:
            if name in self._taken:
                return
            self._taken.add(name)
        self._pool.submit(self._work, name)

    def forget(self, name: str) -> None:
        """Take away a job that has ended: its record, its steps, what they logged; its outputs stay."""
        self._runs.forget(name)
        shutil.rmtree(self._workshop.folder(name), ignore_errors=True)

    def stop(self, name: str, wish: str, error: Json | None) -> None:
        """End the job: as canceled (`cancel`), or failed with `error` (`fail`)."""
        with self._store.transaction():
            job = self._runs.wish(name, wish, error)
            if job.status in ("NotStarted", "Queued"):
                self._end(job)
        if wish == "cancel":
            self._runs.move(name, "CancelRequested")

    def _work(self, name: str) -> None:
        try:
            if not self._closing.is_set():
                self._run(name)
        except Exception:
            LOG.exception("job %s: the runner itself failed", name)
            message = "The emulator itself failed at this job; its log tells why."
            self._runs.move(name, "Failed", {"code": "SystemError", "message": message})
        finally:
            with self._lock:
                self._taken.discard(name)

    def _run(self, name: str) -> None:
        job = self._runs.restart(name)
        if job.finished:
            return
        if job.wish:
            self._end(job)
            return
        try:
            self._workshop.run(job)
        except Restarted:
            LOG.info("job %s lost its node and begins again", name)
            self._runs.move(name, "Queued")
            self._run(name)
        except Stopped:
            if not self._closing.is_set():
                self._end(self._runs.job(name))
        except JobFailure as failure:
            if not self._closing.is_set():
                self._runs.move(name, "Failed", failure.error)

    def _end(self, job: Job) -> None:
        if job.wish == "fail":
            self._runs.move(job.name, "Failed", job.wish_error)
        else:
            self._runs.move(job.name, "Canceled")
