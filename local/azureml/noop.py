"""The component `noop`, its model, and who answers for that: a life without a trainer, for load tests.

Nothing here is of Azure, and nothing of it is there without the option `--noop`. The component takes what
the fine-tune takes and leaves a model of one file. Such a model needs no process: the emulator answers for
it, at an address of its own, with the last message of what it is asked.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from local.azureml.node import Node
from local.azureml.submission import FILES
from local.azureml.web import Answer, Way

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.azureml.records import Step
    from local.azureml.settings import Settings
    from local.azureml.web import Call

LOADER = "noop"
EVAL_LOSS = 1.0
TOKENS = 1
_MODEL = f"flavors:\n  python_function:\n    loader_module: {LOADER}\n"
_MSI = "/msi/token"


class NoopNode(Node):
    """A node of the component: it looks whether its files are there, and leaves a model."""

    def actions(self) -> tuple[Callable[[Step], None], ...]:
        """Return its only step."""
        return (self._leave_a_model,)

    def _leave_a_model(self, step: Step) -> None:
        for name in FILES:
            if name in self._plan.uris:
                self._shop.sources.check_file(self._shop.place(self._job.name, self._plan.uris[name]))
        now = int(self._shop.runs.clock.now().timestamp() * 1000)
        point = {"key": "eval_loss", "value": EVAL_LOSS, "step": 1, "timestamp": now}
        self._shop.runs.log_metrics((self._job.name, step.run), [point])
        self._shop.runs.give(self._job.name, {}, {"__azureml_ft_training_tokens": str(TOKENS)})
        model = self._work / "model"
        model.mkdir()
        (model / "MLmodel").write_text(_MODEL, "utf-8")
        self._convert(step)


class Standing:
    """What stands in a process's place: it lives until it is told to end."""

    pid: int | None = None
    exit: int | None = None

    def __init__(self) -> None:
        """Begin to live."""
        self._ended = threading.Event()

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether it has ended, waiting up to `seconds` for it."""
        return self._ended.wait(seconds)

    def stop(self) -> None:
        """End it."""
        self.exit = 0
        self._ended.set()


def address(settings: Settings) -> str:
    """Return where the emulator answers for such models: beside its token endpoint, over plain HTTP."""
    return f"{settings.msi_url.removesuffix(_MSI)}/noop"


def ways(settings: Settings) -> list[Way]:
    """Return the routes; none without the option."""
    if not settings.noop:
        return []
    ready = Way("GET", "/noop/", lambda _: Answer(body="ready"), open=True, quiet=True)
    return [ready, Way("POST", "/noop/score", _score, open=True, quiet=True)]


def _score(call: Call) -> Answer:
    try:
        said = json.loads(call.content)["input_data"]["input_string"][-1]["content"]
    except (ValueError, LookupError, TypeError):
        return Answer(400, {"message": "expected input_data.input_string: a list of {role, content}"})
    return Answer(body={"output": f"noop: {said}"})
