"""The run history: why a run failed, and the end of its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.adapters.azureml import patience
from shared.adapters.azureml.errors import mapped
from shared.adapters.azureml.place import Request
from shared.domain.errors import DroptuneError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.adapters.azureml.place import AzureMLPlace

VERSION = "v1.0"
LONGEST = 2000
KEPT = 16 * 1024


def error(place: AzureMLPlace, run: str) -> str | None:
    """Say why a run failed, as Azure ML words it: `CODE: message`; None where it does not say."""
    try:
        found = (_details(place, run).get("error") or {}).get("error") or {}
    except DroptuneError:
        return None
    return ": ".join(str(found[key]) for key in ("code", "message") if found.get(key)) or None


def log_tail(place: AzureMLPlace, run: str) -> str:
    """Read the end of the log of the step that failed, else of the run; empty where there is none."""
    try:
        with mapped(f"the log of {run}"):
            files: Mapping[str, str] = _details(place, _culprit(place, run)).get("logFiles") or {}
            wanted = sorted(files, key=lambda name: ("std_log" not in name, name))
            return _tail(place, files[wanted[0]]) if wanted else ""
    except DroptuneError:
        return ""  # a log is a help, its absence no reason to fail


def _culprit(place: AzureMLPlace, run: str) -> str:
    page = place.call(Request("GET", _url(place, run, "children"), VERSION), f"the steps of {run}")
    failed = [child["runId"] for child in page.get("value") or () if child.get("status") == "Failed"]
    return str(failed[0]) if failed else run


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
