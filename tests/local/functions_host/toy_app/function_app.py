"""A function of each kind. Each call is written down, and does what its message asks for."""

# mypy: disable-error-code="untyped-decorator"
# azure-functions ships its decorators without types.

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import azure.functions as func
import azurefunctions.extensions.bindings.blob as bindings

FOLDER = Path(os.environ["TOY_FOLDER"])  # noqa: TID251 - the test's folder
LOCK = threading.Lock()
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


def _note(function: str, **facts: Any) -> None:
    line = json.dumps({"function": function, "at": time.time(), **facts}) + "\n"
    with LOCK, (FOLDER / "calls.jsonl").open("a") as file:
        file.write(line)


def _do(wish: dict[str, Any]) -> None:
    """Wait until a file is there, fail, or neither."""
    if "wait" in wish:
        end = time.monotonic() + 60
        while not (FOLDER / wish["wait"]).exists() and time.monotonic() < end:
            time.sleep(0.02)
    if wish.get("fail"):
        raise RuntimeError("as was wished")


@app.queue_trigger(arg_name="message", queue_name="%TOY_QUEUE%", connection="TOY")
def worked(message: func.QueueMessage) -> Any:
    text = message.get_body().decode()
    _note("worked", body=text, tries=message.dequeue_count, id=message.id)
    wish = json.loads(text)
    _do(wish)
    _note("worked-end", body=text)
    return wish.get("return")


@app.queue_trigger(arg_name="message", queue_name="%TOY_QUEUE%-async", connection="TOY")
async def awaited(message: func.QueueMessage) -> None:
    _note("awaited", body=message.get_body().decode())


@app.blob_trigger(arg_name="client", path="toys/{name}", connection="TOY", source=func.BlobSource.EVENT_GRID)
def seen(client: bindings.BlobClient) -> None:
    content = client.download_blob().readall().decode()
    _note("seen", container=client.container_name, name=client.blob_name, content=content)
    _do(json.loads(content))


@app.event_grid_trigger(arg_name="event")
def told(event: func.EventGridEvent) -> None:
    _note("told", id=event.id, topic=event.topic, subject=event.subject, data=event.get_json())
    _do(event.get_json())


@app.timer_trigger(arg_name="timer", schedule="%TOY_SCHEDULE%")
def ticked(timer: func.TimerRequest) -> None:
    _note("ticked", past_due=timer.past_due)
    _do({"fail": True})


@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
def switched_off(timer: func.TimerRequest) -> None:
    _note("switched_off", past_due=timer.past_due)


@app.route(route="open", auth_level=func.AuthLevel.ANONYMOUS)
def opened(req: func.HttpRequest) -> func.HttpResponse:
    facts = {"method": req.method, "params": dict(req.params), "headers": dict(req.headers)}
    facts |= {"body": req.get_body().decode()}
    return func.HttpResponse(json.dumps(facts), mimetype="application/json", headers={"X-Toy": "yes"})


@app.route(route="things/{id}", methods=["GET"])
def thing(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(dict(req.route_params)), status_code=203)


@app.route(route="admins", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
def admins(req: func.HttpRequest) -> str:  # noqa: ARG001 - the binding's name must be an argument
    return "plain"


@app.route(route="broken", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def broken(req: func.HttpRequest) -> func.HttpResponse:
    _note("broken")
    _do({"fail": "why" not in req.params, "wait": req.params.get("wait", ".")})
    return 7  # what the host must refuse


@app.route(route="slow", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def slow(req: func.HttpRequest) -> func.HttpResponse:
    _note("slow")
    _do({"wait": req.params["wait"]})
    return func.HttpResponse("done")
