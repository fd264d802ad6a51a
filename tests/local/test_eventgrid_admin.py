"""The topic's admin API over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from local.eventgrid.admin import serve_admin
from tests.local.webhooks import event, topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.eventgrid import Topic


@pytest.fixture
def admin() -> Iterator[tuple[Topic, httpx.Client]]:
    with topic() as to:
        server = serve_admin(to, 0)
        url = f"http://127.0.0.1:{server.server_port}"
        with httpx.Client(base_url=url, trust_env=False) as client:
            yield to, client
        server.shutdown()
        server.server_close()


def test_the_admin_api_shows_events_and_switches_faults(admin: tuple[Topic, httpx.Client]) -> None:
    to, client = admin
    to.publish([event(1)])

    shown = client.get("/admin/events").json()
    answer = client.post("/admin/faults", json={"lose": 1, "seed": 3})

    assert [told["id"] for told in shown["published"]] == ["1"]
    assert shown["dead"] == []
    assert answer.json()["faults"] == {"lose": 1, "double": 0, "reorder": 0, "delay": 0, "seed": 3}
    assert to.faults.schedule() == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"loose": 1}', b'{"lose": "all"}', b'{"lose": true}'])
def test_wrong_faults_are_refused_and_change_nothing(admin: tuple[Topic, httpx.Client], body: bytes) -> None:
    to, client = admin
    before = to.faults

    answer = client.post("/admin/faults", content=body)

    assert answer.status_code == 400
    assert answer.json()["message"]
    assert to.faults is before


def test_a_custom_topic_takes_batches_of_cloud_events_whole_or_not(admin: tuple[Topic, httpx.Client]) -> None:
    to, client = admin
    key = {"aeg-sas-key": "any"}
    good = {"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "subject": "s"}
    assert client.post("/api/events", json=[good]).status_code == 401
    assert client.post("/api/events", json=[good, {"id": "2"}], headers=key).status_code == 400
    assert list(to.history) == []
    assert client.post("/api/events?api-version=2018-01-01", json=[good], headers=key).status_code == 200
    assert list(to.history) == [good]
