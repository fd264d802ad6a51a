"""What Microsoft's worker refuses is refused here, with the function's name and the mend."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.local.azureml.rig import ROOT
from tests.local.functions_host.rig import TOY

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
import azure.functions as func
import azure.storage.blob
import azurefunctions.extensions.bindings.blob as bindings
app = func.FunctionApp()
EVENTS = func.BlobSource.EVENT_GRID
"""
QUEUE = '@app.queue_trigger(arg_name="message", queue_name="q", connection="C")\n'
SERVICE_BUS = QUEUE.replace("queue_trigger", "service_bus_queue_trigger").replace("message", "m")
BLOB = '@app.blob_trigger(arg_name="client", path="c/{name}", connection="C", source=EVENTS)\n'


def indexed(folder: Path, body: str, **settings: str) -> subprocess.CompletedProcess[str]:
    (folder / "function_app.py").write_text(HEAD + body)
    return run(folder, "--index", **settings)


def run(folder: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.functions_host", "--app-dir", str(folder), *options]
    environment = {"PATH": "/usr/bin:/bin", **settings}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


REFUSED = {
    "a return without $return": (
        QUEUE + "def f(message: func.QueueMessage) -> str: ...\n",
        ["'f'", "returns something", "annotate it `-> None`"],
    ),
    "two apps": (
        "other = func.FunctionApp()\n" + QUEUE + "def f(message: func.QueueMessage) -> None: ...\n",
        ["2 FunctionApp objects", "exactly one"],
    ),
    "no app": ("del app\n", ["0 FunctionApp objects", "exactly one"]),
    "no function": ("", ["registers no function", "blueprint"]),
    "another argument's name": (
        QUEUE + "def f(msg: func.QueueMessage) -> None: ...\n",
        ["'f'", "msg is bound to nothing", "'message'"],
    ),
    "an argument too few": (
        QUEUE + "def f() -> None: ...\n",
        ["'f'", "bound to message", "no such argument"],
    ),
    "an argument too many": (
        QUEUE + "def f(message: func.QueueMessage, extra: str) -> None: ...\n",
        ["'f'", "extra is bound to nothing"],
    ),
    "the SDK's own client": (
        BLOB + "def f(client: azure.storage.blob.BlobClient) -> None: ...\n",
        ["'f'", "client must be annotated with azurefunctions.extensions.bindings.blob.BlobClient"],
    ),
    "no annotation of the client": (BLOB + "def f(client): ...\n", ["'f'", "must be annotated"]),
    "another trigger's type": (
        QUEUE + "def f(message: func.EventGridEvent) -> None: ...\n",
        ["'f'", "annotated with EventGridEvent", "queueTrigger"],
    ),
    "a name given twice": (
        QUEUE
        + "def f(message: func.QueueMessage) -> None: ...\n"
        + '@app.function_name("f")\n'
        + QUEUE
        + "def g(message: func.QueueMessage) -> None: ...\n",
        ["f", "unique function name"],
    ),
    "a function without a trigger": ("@app.function_name('f')\ndef f() -> None: ...\n", ["f", "trigger"]),
    "a trigger this host has not": (
        SERVICE_BUS + "def f(m: func.ServiceBusMessage) -> None: ...\n",
        ["'f'", "serviceBusTrigger", "does not deliver"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_in_one_line_for_a_person(tmp_path: Path, case: str) -> None:
    body, words = REFUSED[case]

    out = indexed(tmp_path, body)

    assert out.returncode == 1, out.stdout
    told = [line for line in out.stderr.splitlines() if "Auth level is not applied" not in line]
    assert len(told) == 1, out.stderr
    assert told[0].startswith("functions host: ")
    for word in words:
        assert word in told[0]


def test_context_and_a_missing_annotation_are_let_pass_as_on_azure(tmp_path: Path) -> None:
    out = indexed(tmp_path, QUEUE + "def f(message, context: func.Context) -> None: ...\n")

    assert out.returncode == 0, out.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["'worked'", "TOY_QUEUE", "not set"]),
        ({"TOY_QUEUE": "q"}, ["'worked'", "TOY__queueServiceUri", "not set"]),
        (
            {"TOY_QUEUE": "q", "TOY__queueServiceUri": "https://q.example"},
            ["'seen'", "AzureWebJobsStorage__queueServiceUri", "not set"],
        ),
        (
            {"TOY_QUEUE": "q", "TOY": "UseDevelopmentStorage=true", "AzureWebJobsStorage__accountName": "a"},
            ["'ticked'", "TOY_SCHEDULE", "not set"],
        ),
        (
            {
                "TOY_QUEUE": "q",
                "TOY": "UseDevelopmentStorage=true",
                "AzureWebJobsStorage__accountName": "a",
                "TOY_SCHEDULE": "* * * * *",
            },
            ["'ticked'", "'* * * * *'", "six fields"],
        ),
    ],
)
def test_a_missing_setting_stops_the_host_and_is_named(
    tmp_path: Path, settings: dict[str, str], words: list[str]
) -> None:
    out = run(TOY, "--port", "0", "--keys", str(tmp_path / "keys.json"), TOY_FOLDER=str(tmp_path), **settings)

    assert out.returncode == 1
    assert out.stdout == ""
    for word in words:
        assert word in out.stderr
