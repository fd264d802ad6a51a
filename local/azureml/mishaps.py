"""What goes wrong with jobs, deployments and clusters when the admin API says so.

A fault hits a call; a mishap hits the thing itself, so that it fails as it would on Azure: a job at one of
its steps, a new endpoint, a deployment with its container's log, a cluster while it is provisioned.
"""

from __future__ import annotations

import threading
from fnmatch import fnmatchcase

import msgspec

from local.azureml.errors import bad_request

KINDS = {
    "job": ("fail", "preempt", "restart"),
    "endpoint": ("fail",),
    "deployment": ("fail",),
    "compute": ("fail",),
}
FINETUNE = "chat_completion_finetune"
# Seen by others on Azure when a low-priority node went (Azure/MachineLearningNotebooks#1242).
PREEMPTED = (
    "AzureMLCompute job failed. PreemptionError: Nodes of this job got pre-empted. Check if the run has "
    "failed or restarted. Reason: Received pre-emption warning signal"
)
# Azure's own words for a container that does not stay up; which status, it adds itself.
CRASHED = "User container has crashed or terminated. Please see troubleshooting guide, available here: "
CRASHED += "https://aka.ms/oe-tsg#error-resourcenotready"
_BROKEN = "InternalServerError"
_CODES = {"job": "UserError", "endpoint": _BROKEN, "deployment": "ResourceNotReady", "compute": _BROKEN}


class Mishap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Let the next `times` things of this `kind` whose name matches `name` (`*` allowed) go wrong.

    step: the job's step (a pattern); points: so many of the fine-tune's metric points are let pass first.
    how: `fail`; a job may also be pre-empted for good (`preempt`), or pre-empted and begun again (`restart`).
    log: lines written to the step's or container's log before it ends.
    """

    kind: str
    name: str = "*"
    step: str = FINETUNE
    how: str = "fail"
    code: str = ""
    message: str = ""
    log: list[str] = []
    points: int = 0
    times: int = 1

    @property
    def error(self) -> dict[str, str]:
        """What the failed thing shows: its code and message."""
        said = {"deployment": CRASHED}.get(self.kind, f"The admin API made this {self.kind} fail.")
        if self.how == "preempt":
            said = PREEMPTED
        return {"code": self.code or _CODES[self.kind], "message": self.message or said}


class Mishaps:
    """The mishaps to come, in the order they were ordered."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._mishaps: list[Mishap] = []

    def add(self, wanted: object) -> Mishap:
        """Order a mishap.

        Raises:
            AzureError: 400, when it is none.

        """
        try:
            mishap = msgspec.convert(wanted, Mishap)
        except msgspec.ValidationError as error:
            raise bad_request(f"This is no mishap: {error}.") from error
        if mishap.how not in KINDS.get(mishap.kind, ()):
            known = "; ".join(f"{kind}: {', '.join(hows)}" for kind, hows in KINDS.items())
            raise bad_request(f"There is no mishap '{mishap.how}' of kind '{mishap.kind}'. There is {known}.")
        with self._lock:
            self._mishaps.append(mishap)
        return mishap

    def clear(self) -> None:
        """Call all off."""
        with self._lock:
            self._mishaps.clear()

    def list(self) -> tuple[Mishap, ...]:
        """Return those to come, with the times they have left."""
        with self._lock:
            return tuple(self._mishaps)

    def take(self, kind: str, name: str, step: str = FINETUNE) -> Mishap | None:
        """Return the first that hits this thing, and count it down."""
        with self._lock:
            for place, mishap in enumerate(self._mishaps):
                if mishap.kind != kind or not _hits(mishap, name, step):
                    continue
                if mishap.times > 1:
                    self._mishaps[place] = msgspec.structs.replace(mishap, times=mishap.times - 1)
                else:
                    del self._mishaps[place]
                return mishap
        return None


def _hits(mishap: Mishap, name: str, step: str) -> bool:
    return fnmatchcase(name, mishap.name) and (mishap.kind != "job" or fnmatchcase(step, mishap.step))
