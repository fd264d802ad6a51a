"""A server for a user's own scoring script, or for an MLflow model without one: `python -P scorer.py SPEC`.

It runs in a child of its own and imports nothing of the emulator. What it does is what Azure's inference
server does (source: azureml-inference-server-http, and Azure's page "Deploy MLflow models to online
endpoints"): `GET /` answers once `init()` is done; `POST /score` calls `run(text)` and answers with its
value as JSON; an exception is a 500 with its text.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[[str], Any]

Json = dict[str, Any]


class BadInput(Exception):
    """The request's body has not the shape that the model wants; becomes a 400."""


def main() -> int:
    """Load what the specification names, then serve until killed."""
    spec: Json = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    run = script(spec) if spec.get("script") else mlflow_model(spec)
    print(f"{spec['name']}: ready on port {spec['port']}", flush=True)
    ThreadingHTTPServer((spec["host"], spec["port"]), handler(run)).serve_forever()
    return 0


def script(spec: Json) -> Run:
    """Import the user's script, call its `init`, and return its `run`."""
    path = Path(spec["script"])
    sys.path.insert(0, str(path.parent))
    found = importlib.util.spec_from_file_location("entry_script", path)
    if found is None or found.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules["entry_script"] = module
    found.loader.exec_module(module)
    if not hasattr(module, "run"):
        raise AttributeError(f"{path.name} has no function run")
    if hasattr(module, "init"):
        module.init()
    run: Run = module.run
    return run


def mlflow_model(spec: Json) -> Run:
    """Load the MLflow model and return what scores a request's `input_data`."""
    import mlflow.pyfunc

    model = mlflow.pyfunc.load_model(spec["model"])
    columns = model.metadata.get_input_schema()
    lock = threading.Lock()

    def run(text: str) -> Any:  # noqa: ANN401 - whatever the model answers
        body = json.loads(text)
        if not isinstance(body, dict) or "input_data" not in body:
            raise BadInput("expected a JSON object with the key 'input_data'")
        data = table(body["input_data"], tensors=bool(columns and columns.is_tensor_spec()))
        with lock:
            return plain(model.predict(data, params=body.get("params") or None))

    return run


def table(given: Any, *, tensors: bool) -> Any:  # noqa: ANN401 - JSON in, whatever the model takes out
    """Return `input_data` as a data frame, or as arrays where the model's signature has tensors."""
    import numpy as np
    import pandas as pd

    if tensors:
        return {k: np.array(v) for k, v in given.items()} if isinstance(given, dict) else np.array(given)
    if isinstance(given, dict) and {"columns", "data"} <= given.keys():
        return pd.DataFrame(given["data"], index=given.get("index"), columns=given["columns"])
    return pd.DataFrame(given)


def plain(value: Any) -> Any:  # noqa: ANN401 - the model's value in, JSON out
    """Return a model's answer as JSON can hold it."""
    if hasattr(value, "to_dict"):
        return value.tolist() if value.ndim == 1 else value.to_dict(orient="records")
    return value.tolist() if hasattr(value, "tolist") else value


def handler(run: Run) -> type[BaseHTTPRequestHandler]:
    """Return the request handler around `run`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, "text/plain", b"Healthy")

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
            try:
                body = json.dumps(run(text)).encode()
            except (BadInput, json.JSONDecodeError) as error:
                self._answer(400, "application/json", json.dumps({"message": str(error)}).encode())
            except Exception as error:  # noqa: BLE001 - the user's code may raise anything
                traceback.print_exc()
                self._answer(500, "text/plain", str(error).encode())
            else:
                self._answer(200, "application/json", body)

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


if __name__ == "__main__":
    sys.exit(main())
