"""One model behind HTTP, in the shape of Azure ML's chat-completion deployments.

Request and answer as in Azure/azureml-examples, sdk/python/foundation-models/system/finetune/chat-completion.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.trainer import models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MOST_NEW_TOKENS = 512


class BadRequest(Exception):
    """The request's body has not the shape of a chat."""


def serve(spec: Mapping[str, Any]) -> int:
    """Serve until told to stop; 1 at once where the folder is no trained MLflow model."""
    import uvicorn

    folder = Path(spec["model"])
    fault = untrained(folder)
    if fault:
        print(f"failed: {fault}", flush=True)
        return 1
    model = models.load(folder)
    print(f"{spec.get('name', folder.name)}: ready on port {spec['port']}", flush=True)
    uvicorn.run(
        application(model), host=spec["host"], port=int(spec["port"]), log_level="warning", access_log=False
    )
    return 0


def untrained(folder: Path) -> str | None:
    """Say why a folder is no trained MLflow model; None where it is one."""
    if not (folder / "MLmodel").exists():
        return f"{folder.name} holds no MLmodel file: it is no MLflow model"
    from mlflow.models import Model

    about = Model.load(str(folder))
    if "transformers" not in about.flavors:
        return f"{folder.name} has no transformers flavour"
    if not (about.metadata or {}).get("trained"):
        return f"{folder.name} does not say how it was trained"
    return None


def application(model: models.Model) -> Starlette:
    """Build the server: `GET /` when ready, `POST /score`. One answer at a time, off the event loop."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, PlainTextResponse
    from starlette.routing import Route

    turn = asyncio.Lock()

    async def ready(_request: Request) -> Response:
        return PlainTextResponse("ready")

    async def score(request: Request) -> Response:
        try:
            messages, parameters = chat(await request.json())
        except (BadRequest, ValueError) as fault:
            return JSONResponse({"message": str(fault)}, 400)
        async with turn:
            answer = await asyncio.to_thread(models.generate, model, messages, parameters)
        return JSONResponse({"output": answer})

    return Starlette(routes=[Route("/", ready), Route("/score", score, methods=["POST"])])


def chat(body: Any) -> tuple[list[dict[str, str]], dict[str, Any]]:  # noqa: ANN401 - whatever JSON came
    """Take messages and parameters out of a request; raises BadRequest."""
    data = body.get("input_data") if isinstance(body, dict) else None
    messages = _one(data.get("input_string")) if isinstance(data, dict) else None
    if not isinstance(messages, list) or not messages or not all(_is_message(m) for m in messages):
        raise BadRequest("expected input_data.input_string: a list of {role, content} messages")
    parameters = dict(data.get("parameters") or {}) if isinstance(data, dict) else {}
    parameters["max_new_tokens"] = min(int(parameters.get("max_new_tokens", 200)), MOST_NEW_TOKENS)
    return [{"role": m["role"], "content": m["content"]} for m in messages], parameters


def _one(given: object) -> object:
    """Unwrap a list of one conversation: the public notebook sends that, others the conversation itself."""
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], list):
        return given[0]
    return given


def _is_message(found: object) -> bool:
    return (
        isinstance(found, dict)
        and isinstance(found.get("role"), str)
        and isinstance(found.get("content"), str)
    )
