"""The topic over HTTP: it takes CloudEvents as a custom topic does; and its admin API, for tests."""

from __future__ import annotations

import json
import threading
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from local.eventgrid.topic import Faults

if TYPE_CHECKING:
    from local.eventgrid.topic import Topic

PUBLISH = "/api/events"  # where a custom topic listens
KNOWN = {field.name for field in fields(Faults) if field.init}


def serve_admin(topic: Topic, port: int) -> ThreadingHTTPServer:
    """Serve `/api/events` and `/admin/{events,faults}` on this machine alone; port 0 takes a free one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/admin/events":
                self._answer(200, {"published": list(topic.history), "dead": list(topic.dead_letters)})
            else:
                self._answer(404, {"message": "GET /admin/events and POST /admin/faults are all there is."})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path.partition("?")[0] == PUBLISH:
                self._answer(*take_events(topic, bool(self.headers.get("aeg-sas-key")), body))
                return
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


def take_events(topic: Topic, signed: bool, body: bytes) -> tuple[int, object]:  # noqa: FBT001
    """Take a batch of CloudEvents, as a custom topic does: all of it or none. Gives status and answer."""
    if not signed:
        return 401, {"error": {"code": "Unauthorized", "message": "A topic wants a key."}}
    try:
        topic.publish(read_events(body))
    except ValueError as wrong:
        return 400, {"error": {"code": "BadRequest", "message": str(wrong)}}
    return 200, None


def read_events(body: bytes) -> list[dict[str, Any]]:
    """Read a batch of CloudEvents 1.0; raises ValueError naming what is missing."""
    found: Any = json.loads(body or b"null")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError("A batch of CloudEvents is a JSON array of objects.")
    for one in found:
        lacking = [name for name in ("id", "source", "type") if not one.get(name)]
        if lacking or one.get("specversion") != "1.0":
            raise ValueError(f"A CloudEvent lacks {', '.join(lacking) or 'specversion 1.0'}.")
    return found


def read_faults(body: bytes) -> Faults:
    """Read faults from JSON, `{"lose": 0.5, "seed": 7}`; raises ValueError naming what is wrong."""
    found: Any = json.loads(body or b"{}")
    if not isinstance(found, dict) or set(found) - KNOWN:
        raise ValueError(f"Faults are an object with {', '.join(sorted(KNOWN))}; found {found!r}.")
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{name} must be a number; found {value!r}.")  # noqa: TRY004 - the request is wrong
    return Faults(**found)
