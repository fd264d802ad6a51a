"""The topic's admin API: what was published, what could not be delivered, and faults on purpose."""

from __future__ import annotations

import json
import threading
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from local.eventgrid.topic import Faults

if TYPE_CHECKING:
    from local.eventgrid.topic import Topic

KNOWN = {field.name for field in fields(Faults) if field.init}


def serve_admin(topic: Topic, port: int) -> ThreadingHTTPServer:
    """Serve `GET /admin/events` and `POST /admin/faults` on this machine alone; port 0 takes a free one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/admin/events":
                self._answer(200, {"published": list(topic.history), "dead": list(topic.dead_letters)})
            else:
                self._answer(404, {"message": "GET /admin/events and POST /admin/faults are all there is."})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path != "/admin/faults":
                self.do_GET()
                return
            try:
                faults = read_faults(body)
            except ValueError as wrong:
                self._answer(400, {"message": str(wrong)})
                return
            topic.faults = faults
            self._answer(200, {"faults": {name: getattr(faults, name) for name in sorted(KNOWN)}})

        def log_message(self, *_args: object) -> None: ...

        def _answer(self, status: int, body: object) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def read_faults(body: bytes) -> Faults:
    """Read faults from JSON, `{"lose": 0.5, "seed": 7}`; raises ValueError naming what is wrong."""
    found: Any = json.loads(body or b"{}")
    if not isinstance(found, dict) or set(found) - KNOWN:
        raise ValueError(f"Faults are an object with {', '.join(sorted(KNOWN))}; found {found!r}.")
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{name} must be a number; found {value!r}.")  # noqa: TRY004 - the request is wrong
    return Faults(**found)
