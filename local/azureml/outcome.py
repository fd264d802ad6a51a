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


class Stopped(Exception):
    """Somebody wished the job to end, or the emulator is being stopped."""


class Restarted(Exception):
    """The job's node was pre-empted; the job goes back into the queue and begins again."""
