"""The run history: why a run failed, and the end of its log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.adapters.azureml import patience
from shared.adapters.azureml.errors import mapped
from shared.adapters.azureml.place import Request
from shared.domain.errors import DroptuneError
from shared.ports import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.adapters.azureml.place import AzureMLPlace

VERSION = "v1.0"
LONGEST = 2000
KEPT = 16 * 1024
DEEPEST = 5
TOKENS = ("training", "assistant")
NUMBER = re.compile(r"\d+(\.\d+)?")


def error(place: AzureMLPlace, run: str) -> str | None:
    """Say why a run failed, as Azure ML words it: `CODE: message`; None where it does not say."""
    try:
        return _worded(_details(place, run))
    except DroptuneError:
        return None


def tokens(place: AzureMLPlace, run: str) -> dict[str, int]:
    """Read how many tokens a run counted, out of its properties, which are texts; raises Missing."""
    path = f"{place.history_url()}/runs/{quote(run, safe='')}"
    properties = place.call(Request("GET", path, VERSION), f"the run {run}").get("properties") or {}
    found = {kind: str(properties.get(f"__azureml_ft_{kind}_tokens", "")) for kind in TOKENS}
    return {kind: int(float(text)) for kind, text in found.items() if NUMBER.fullmatch(text)}


def failure(place: AzureMLPlace, run: str) -> Failure:
    """Find the step that failed first, its error and the end of its log; empty where none can be had."""
    try:
        with mapped(f"the log of {run}"):
            blamed, step = _culprit(place, run)
            details = _details(place, blamed)
            files: Mapping[str, str] = details.get("logFiles") or {}
            wanted = sorted(files, key=lambda name: ("std_log" not in name, name))
            log = _tail(place, files[wanted[0]]) if wanted else ""
    except DroptuneError:
        return Failure()  # a log is a help, its absence no reason to fail
    return Failure(step, _worded(details), log)


def _culprit(place: AzureMLPlace, run: str) -> tuple[str, str | None]:
    """Go down to the innermost run that failed: a pipeline component is a run with steps of its own."""
    step = None
    for _ in range(DEEPEST):
        page = place.call(Request("GET", _url(place, run, "children"), VERSION), f"the steps of {run}")
        failed = [child for child in page.get("value") or () if child.get("status") == "Failed"]
        if not failed:
            break
        run = str(failed[0]["runId"])
        step = str(failed[0].get("displayName") or failed[0].get("name") or run)
    return run, step


def _worded(details: Mapping[str, Any]) -> str | None:
    found = (details.get("error") or {}).get("error") or {}
    return ": ".join(str(found[key]) for key in ("code", "message") if found.get(key)) or None


def _details(place: AzureMLPlace, run: str) -> dict[str, Any]:
    return place.call(Request("GET", _url(place, run, "details"), VERSION), f"the run {run}")


def _url(place: AzureMLPlace, run: str, part: str) -> str:
    return f"{place.history_url()}/runs/{quote(run, safe='')}/{part}"


def _tail(place: AzureMLPlace, url: str) -> str:
    """Stream a log and keep its end; the URL carries its own right to read, so no token goes with it."""
    from azure.core.rest import HttpRequest

    client = place.once("open", patience.open_client)
    with client.send_request(HttpRequest("GET", url), stream=True) as response:
        response.raise_for_status()
        end = b""
        for chunk in response.iter_bytes():
            end = (end + chunk)[-KEPT:]
    return end.decode("utf-8", "replace")[-LONGEST:]
