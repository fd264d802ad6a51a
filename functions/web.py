"""What can be asked over HTTP. Every route but the health check takes a function key, in the header."""

import json
from typing import Any

import azure.functions as func

from shared import wiring
from shared.app import views
from shared.app.ledger import Ledger
from shared.domain.errors import Missing

blueprint = func.Blueprint()
NEWEST = 100
LONG = 10


@blueprint.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding's name must be an argument
    """Say that the app answers; nothing else, for anyone may ask."""
    return _json({"status": "ok"})


@blueprint.route(route="runs", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def runs(req: func.HttpRequest) -> func.HttpResponse:
    """List the newest runs; `?limit=` up to 100."""
    wanted = req.params.get("limit", "50")
    # A longer number is more than the most anyhow, and Python refuses to read one of thousands of digits.
    limit = min(int(wanted), NEWEST) if wanted.isdecimal() and len(wanted) < LONG else NEWEST
    return _json([views.line(run) for run in Ledger(wiring.world().ledger).newest(limit)])


@blueprint.route(route="runs/{id}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def run(req: func.HttpRequest) -> func.HttpResponse:
    """Show one run with history, findings, metrics and cost."""
    name = req.route_params.get("id", "")
    try:
        return _json(views.whole(Ledger(wiring.world().ledger).load(name).run))
    except Missing:
        return _json({"error": "There is no such run. See those there are: GET /api/runs"}, 404)


def _json(body: Any, status: int = 200) -> func.HttpResponse:  # noqa: ANN401 - anything JSON holds
    return func.HttpResponse(
        json.dumps(body),
        status_code=status,
        mimetype="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )
