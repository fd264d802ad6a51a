"""What can be asked over HTTP. Every route but the health check takes a function key, in the header."""

import json
import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Annotated, Any

import azure.functions as func
import msgspec

from shared import wiring
from shared.app import people, saving, sweep_report, views
from shared.app.ledger import Ledger
from shared.app.reports import report_of
from shared.app.reviving import revive
from shared.app.sweep import sweep as sweep_once
from shared.app.sweep_report import SweepReport
from shared.domain.errors import DroptuneError, Misconfigured, Missing, Transient

log = logging.getLogger(__name__)
blueprint = func.Blueprint()
Route = Callable[[func.HttpRequest], func.HttpResponse]
NEWEST = 100
LONGEST_REASON = 1000
LONGEST_NAME = 200
LONG = 10
PRINCIPAL = "X-MS-CLIENT-PRINCIPAL-NAME"
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
HEADER_ALONE = {"error": "Send the key in the header x-functions-key: a key in a URL ends up in logs"}
# The page itself names the one style sheet it carries, by its hash.
PAGE = {**HEADERS, "Content-Security-Policy": f"{POLICY}; style-src 'unsafe-inline'"}


def _answering(route: Route) -> Route:
    """Let a route say what hinders it: an error that goes out leaves an answer without a word."""

    @wraps(route)
    def answer(req: func.HttpRequest) -> func.HttpResponse:
        try:
            return route(req)
        except DroptuneError as fault:
            status = _status(fault)
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                log.warning("%s answers %d: %s", route.__name__, status, fault.problem.code)
            return _json({"error": str(fault), "code": fault.problem.code}, status)

    return answer


def _status(fault: DroptuneError) -> HTTPStatus:
    if isinstance(fault, Missing) or fault.problem.code == "run-missing":
        return HTTPStatus.NOT_FOUND
    if isinstance(fault, Transient):
        return HTTPStatus.SERVICE_UNAVAILABLE
    mine = isinstance(fault, Misconfigured)
    return HTTPStatus.INTERNAL_SERVER_ERROR if mine else HTTPStatus.CONFLICT


@blueprint.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding's name must be an argument
    """Say that the app answers; nothing else, for anyone may ask."""
    return _json({"status": "ok"})


@blueprint.route(route="runs", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
@_answering
def runs(req: func.HttpRequest) -> func.HttpResponse:
    """List the newest runs; `?limit=` up to 100."""
    wanted = req.params.get("limit", "50")
    # A longer number is more than the most anyhow, and Python refuses to read one of thousands of digits.
    limit = min(int(wanted), NEWEST) if wanted.isdecimal() and len(wanted) < LONG else NEWEST
    return _json(views.lines(Ledger(wiring.world().ledger), limit))


@blueprint.route(route="runs/{id}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
@_answering
def run(req: func.HttpRequest) -> func.HttpResponse:
    """Show one run with history, findings, metrics and cost."""
    name = req.route_params.get("id", "")
    try:
        return _json(views.whole(Ledger(wiring.world().ledger).load(name).run))
    except Missing:
        return _json({"error": "There is no such run. See those there are: GET /api/runs"}, 404)


@blueprint.route(route="runs/{id}/report", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
@_answering
def report(req: func.HttpRequest) -> func.HttpResponse:
    """Show what the check of a run's data set found, as a page or, with `?format=json`, as report.json.

    It quotes rows: the key in the header alone.
    """
    if _key_in_url(req):
        return _json(HEADER_ALONE, 401)
    as_json = req.params.get("format") == "json"
    found = report_of(wiring.world(), req.route_params.get("id", ""), "json" if as_json else "html")
    return _page(found, as_json=as_json)


@blueprint.route(route="sweep", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
@_answering
def sweep(req: func.HttpRequest) -> func.HttpResponse:
    """Show the last sweep's report: a page, or `?format=json`. The key in the header alone."""
    if _key_in_url(req):
        return _json(HEADER_ALONE, 401)
    return _swept(req, sweep_report.last(wiring.world()))


@blueprint.route(route="sweep/plan", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
@_answering
def plan(req: func.HttpRequest) -> func.HttpResponse:
    """Show what a sweep would do now, with the plan's digest: a dry run. The key in the header alone."""
    if _key_in_url(req):
        return _json(HEADER_ALONE, 401)
    return _swept(req, sweep_once(wiring.world(), dry_run=True))


@blueprint.route(route="runs/{id}/approve", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@_answering
def approve(req: func.HttpRequest) -> func.HttpResponse:
    """Let a waiting run go on; `{"reason": TEXT, "by": NAME}` in the body are kept with it."""
    return _wish(req, "approve")


@blueprint.route(route="runs/{id}/reject", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@_answering
def reject(req: func.HttpRequest) -> func.HttpResponse:
    """End a waiting run; `{"reason": TEXT, "by": NAME}` in the body are kept with it."""
    return _wish(req, "reject")


class Wish(msgspec.Struct, frozen=True):
    """What a decision over HTTP may say. by: who decides, as they say."""

    reason: Annotated[str, msgspec.Meta(max_length=LONGEST_REASON)] = ""
    by: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)] = ""


_decode = msgspec.json.Decoder(Wish).decode


def who(principal: str, given: str) -> str:
    """Name who decides, for the history. It is what is said, and no proof: only the key was checked.

    principal: the platform's header where the app's authentication is on; where it is off, a caller's own.
    """
    name, how = (principal, "by the platform's header") if principal.strip() else (given, "as they say")
    name = " ".join(name.split())[:LONGEST_NAME]
    return f"{name} (HTTP, {how})" if name else "HTTP"


def _wish(req: func.HttpRequest, action: str) -> func.HttpResponse:
    try:
        asked = _decode(req.get_body() or b"{}")
    except msgspec.MsgspecError:
        told = f'The body is empty, or {{"reason": TEXT, "by": NAME}} of at most {LONGEST_REASON} characters'
        return _json({"error": f"{told} and {LONGEST_NAME}"}, 400)
    by = who(req.headers.get(PRINCIPAL, ""), asked.by)
    run_ = people.wish(wiring.world(), req.route_params.get("id", ""), action, by, asked.reason)
    return _json(views.line(run_), 202)


@blueprint.route(route="recipes/{recipe}/wake", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@_answering
def wake(req: func.HttpRequest) -> func.HttpResponse:
    """Bring a recipe's retired model back into service; what serves already is answered as it is."""
    return _json(views.line(revive(wiring.world(), req.route_params.get("recipe", ""), "HTTP")), 202)


def _swept(req: func.HttpRequest, found: SweepReport) -> func.HttpResponse:
    if req.params.get("format") == "json":
        return _page(found.to_json(), as_json=True)
    from shared.web import sweep_page

    return _page(sweep_page.render(found, saving.by_month(wiring.world())).encode(), as_json=False)


def _key_in_url(req: func.HttpRequest) -> bool:
    """Tell whether the key came in the URL; Azure reads `code` there whatever its case."""
    return any(name.lower() == "code" for name in req.params)


def _page(found: bytes, *, as_json: bool) -> func.HttpResponse:
    if as_json:
        return func.HttpResponse(found, mimetype="application/json", charset="utf-8", headers=HEADERS)
    return func.HttpResponse(found, mimetype="text/html", charset="utf-8", headers=PAGE)


def _json(body: Any, status: int = 200) -> func.HttpResponse:  # noqa: ANN401 - anything JSON holds
    return func.HttpResponse(
        json.dumps(body),
        status_code=status,
        mimetype="application/json",
        headers=HEADERS,
    )
