"""Many runs that look at once share one count of the workspace's deployments."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from shared.adapters.azureml import AzureMLEndpoints
from shared.domain.errors import Misconfigured
from tests.adapters.azureml.https import Reply, Seen, Service, service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HAVE = {"one": 2, "two": 0, "three": 1}


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as patch, service(tmp_path, patch) as made:
        yield made


def answer(seen: Seen) -> Reply:
    of = re.search(r"onlineEndpoints/(\w+)/deployments\?", seen.line)
    if of:
        return Reply(body={"value": [shown(f"d{n}") for n in range(HAVE[of[1]])]})
    if "onlineEndpoints?" in seen.line:
        return Reply(body={"value": [shown(name) for name in HAVE]})
    return Reply(404)


def shown(name: str) -> dict[str, object]:
    return {"name": name, "tags": {}, "properties": {"provisioningState": "Succeeded"}}


def test_a_workspace_that_is_not_there_is_said_where_its_endpoints_are_listed(azure: Service) -> None:
    """A list is never missing by itself: a mistyped setting is."""
    azure.answer = lambda _seen: Reply(404, {"error": {"code": "ResourceNotFound", "message": "not found"}})
    with pytest.raises(Misconfigured, match=r"There is no workspace at .*/workspaces/w") as caught:
        list(AzureMLEndpoints(azure.place()).all())
    assert "AZUREML_WORKSPACE_NAME" in caught.value.problem.help


def test_a_count_is_made_once_and_again_after_its_time(azure: Service) -> None:
    azure.answer = answer
    found = AzureMLEndpoints(azure.place())
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: dict(found.counts()), range(4)))
    assert counts == [HAVE] * 4
    assert len(azure.seen) == 1 + len(HAVE)
    azure.seen.clear()
    fresh = AzureMLEndpoints(azure.place(), count_seconds=0)
    assert fresh.counts() == fresh.counts() == HAVE
    assert len(azure.seen) == 2 * (1 + len(HAVE))
