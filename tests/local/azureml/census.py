"""Counts which of MLClient's public methods work here, and writes the count into the emulator's README.

`python -m pytest tests/local/azureml/test_census.py` compares; with CENSUS=write it writes.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import HttpResponseError

from tests.local.azureml.probes import World, all_probes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

README = Path(__file__).parents[3] / "local" / "azureml" / "README.md"
BEGIN, END = "<!-- census: written by tests/local/azureml/census.py -->", "<!-- end of census -->"
WORKS, REFUSED, CLIENT = "works", "501", "client"
# These fail in the SDK itself, or before they reach what they ask for (azure-ai-ml 1.35.2).
CLIENTS_OWN = {
    "models.share": "looks for the name in the registry first: 404",
    "components.download": "takes code by addresses under blob.core.windows.net alone",
    "data.list_materialization_status": "passes `asset_name` on to the HTTP library, a TypeError",
    "data.mount": "wants the package azureml-dataprep-rslex",
    "datastores.mount": "wants the package azureml-dataprep-rslex",
}
Found = dict[str, dict[str, str]]


def public_methods(group: object) -> list[str]:
    """Name a group's public methods."""
    members = inspect.getmembers(type(group), callable)
    return [name for name, _ in members if not name.startswith("_")]


def census(client: Any, folder: Path) -> Found:
    """Call every public method of every group; say for each how it went."""
    probes = all_probes(World(client, folder))
    for group, own in probes.items():
        assert set(public_methods(getattr(client, group))) == set(own), group
    return {
        group: {name: outcome(f"{group}.{name}", probe) for name, probe in own.items()}
        for group, own in probes.items()
    }


def outcome(name: str, probe: Callable[[], Any]) -> str:
    """Run one probe; anything but working, a named 501 or the client's own fault is an error here."""
    try:
        probe()
    except HttpResponseError as error:
        if name in CLIENTS_OWN:
            return CLIENT
        if error.status_code == 501 and error.error and error.error.code == "NotImplemented":
            return REFUSED
        raise AssertionError(f"{name}: {error}") from error
    except Exception as error:
        if name in CLIENTS_OWN:
            return CLIENT
        raise AssertionError(f"{name}: {type(error).__name__}: {error}") from error
    return WORKS


def share(found: Found) -> tuple[int, int]:
    """Return how many methods work, and how many there are."""
    outcomes = [how for own in found.values() for how in own.values()]
    return outcomes.count(WORKS), len(outcomes)


def table(found: Found, version: str) -> str:
    """Return the README's section."""
    works, there = share(found)
    lines = [
        f"{works} of the {there} public methods of these groups of MLClient (azure-ai-ml {version}) work,",
        f"{100 * works // there} %; the others fail with a 501 that names what is missing, or elsewhere:",
        "; ".join(f"`{name}` {why}" for name, why in sorted(CLIENTS_OWN.items())) + ".",
        "",
        "| group | works | 501 | fails elsewhere |",
        "|---|---|---|---|",
    ]
    for group, own in found.items():
        row = [_cell(own, how) for how in (WORKS, REFUSED, CLIENT)]
        lines.append(
            f"| {group} ({sum(how == WORKS for how in own.values())}/{len(own)}) | {' | '.join(row)} |"
        )
    return "\n".join([BEGIN, *lines, END])


def _cell(own: Mapping[str, str], how: str) -> str:
    return ", ".join(name for name, was in own.items() if was == how)


def written() -> str:
    """Return the README's section as it stands."""
    text = README.read_text("utf-8")
    return text[text.index(BEGIN) : text.index(END) + len(END)]


def write(section: str) -> None:
    """Put the section into the README."""
    README.write_text(README.read_text("utf-8").replace(written(), section), "utf-8")
