"""How a job's run can end before its end.

JobFailure   a step failed
Stopped      somebody wished the job to end, or the emulator is being stopped
Restarted    its node was taken away, and the job begins again
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class JobFailure(Exception):
    """The job can't go on; `error` is what its details will show."""

    def __init__(self, error: Json) -> None:
        """Keep the error's code, message and details."""
        super().__init__(error["message"])
        self.error = error


def failed_child(code: str, path: str) -> JobFailure:
    """Return how a pipeline job fails when its child at `path` has: what was wrong, only the child says."""
    message = (
        f"Pipeline has failed child jobs. Failed nodes: /{path}. For more details and logs, please go to the "
        "job detail page and check the child jobs."
    )
    error = {"code": code, "message": message, "referenceCode": "PipelineHasStepJobFailed", "details": []}
    return JobFailure(error)


class Stopped(Exception):
    """Somebody wished the job to end, or the emulator is being stopped."""


class Restarted(Exception):
    """The job's node was pre-empted; the job goes back into the queue and begins again."""
