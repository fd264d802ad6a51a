"""What was acknowledged outlives SIGKILL; workspaces side by side don't mix; many jobs come in pages."""

from __future__ import annotations

import random
import signal
import ssl
import threading
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from local.azureml.records import Job
from local.azureml.state import Store
from tests.local.azureml.commands import command, log_of, submit
from tests.local.azureml.flow import wait_for
from tests.local.azureml.rig import NAME, STAND_IN, SUBSCRIPTION, VERSION, WS, Emulator, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.local.azureml.rig import Tls

KILLS = 12
WRITERS = 3
JOBS = 1000
SIZE = "Standard_DS3_v2"


class Writer(threading.Thread):
    """Writes as fast as it is answered, until the emulator is gone; remembers what was acknowledged."""

    def __init__(self, emulator: Emulator, token: str, kept: dict[str, str]) -> None:
        super().__init__()
        context = ssl.create_default_context(cafile=str(emulator.tls.bundle))
        self.client = httpx.Client(base_url=emulator.url, verify=context, trust_env=False, timeout=30)
        self.headers = {"Authorization": f"Bearer {token}"}
        self.kept = kept

    def run(self) -> None:
        with self.client:
            for count in range(100_000):
                try:
                    self._write(uuid.uuid4().hex[:12], count)
                except httpx.HTTPError:
                    return  # killed in the middle: this one may be there or not

    def _write(self, name: str, count: int) -> None:
        if count % 3 == 0:
            path, body = f"/computes/c{name}", {"computeType": "AmlCompute", "properties": {"vmSize": SIZE}}
        elif count % 3 == 1:
            path, body = f"/environments/{name}/versions/1", {"image": name}
        else:
            path, body = f"/onlineEndpoints/e{name}", {"authMode": "Key", "properties": {}, "traffic": {}}
        sent = {"location": "eastus2", "properties": body}
        answer = self.client.put(f"{WS}{path}?{VERSION}", json=sent, headers=self.headers)
        if answer.status_code in (200, 201):
            self.kept[path] = name


def lost(emulator: Emulator, token: str, kept: Iterable[str]) -> list[str]:
    headers = {"Authorization": f"Bearer {token}"}
    client = emulator.client()
    urls = {path: f"{emulator.url}{WS}{path}?{VERSION}" for path in kept}
    return [path for path, url in urls.items() if client.get(url, headers=headers).status_code != 200]


@pytest.mark.slow
def test_no_kill_loses_an_acknowledged_write(make_emulator: Callable[..., Emulator]) -> None:
    chance = random.Random(6)  # noqa: S311 - after how many writes to kill, the same in each run
    emulator = make_emulator()
    token = emulator.token()  # signed with a key that lies in the state: it is good after each restart
    kept: dict[str, str] = {}
    for _ in range(KILLS):
        writers = [Writer(emulator, token, kept) for _ in range(WRITERS)]
        enough = len(kept) + chance.randint(1, 25)
        for writer in writers:
            writer.start()
        until(lambda: len(kept) >= enough, 60, "some writes are acknowledged")  # noqa: B023 - awaited at once
        emulator.stop(signal.SIGKILL)
        for writer in writers:
            writer.join(60)
        emulator.start()
        assert lost(emulator, token, list(kept)[-60:]) == []
    assert lost(emulator, token, kept) == []


def options(name: str) -> list[str]:
    return ["--workspace", name, "--group", f"{name}-group"]


def test_two_workspaces_on_one_account_do_not_mix(tmp_path: Path, tls: Tls, blob_url: str) -> None:
    """Same job name, same asset name, same storage account, two emulators at once."""
    pair = []
    try:
        for name in ("left", "right"):
            (tmp_path / name).mkdir()
            pair.append(Emulator(tmp_path / name, tls, blob_url, options(name)))
            pair[-1].start()
        found = [_used(emulator, name) for emulator, name in zip(pair, ("left", "right"), strict=True)]
        assert [one["log"] for one in found] == ["left", "right"]
        assert [one["image"] for one in found] == ["left", "right"]
        assert found[0]["uri"] != found[1]["uri"]
        other = pair[0].http("GET", _path("right", "/jobs/same"))
        assert (other.status_code, "this emulator has 'left" in other.text) == (404, True)
        headers = {"Authorization": f"Bearer {pair[0].token()}"}
        foreign = pair[1].client().get(f"{pair[1].url}{_path('right', '/jobs/same')}", headers=headers)
        assert foreign.status_code == 401
    finally:
        for emulator in pair:
            if emulator.process:
                emulator.stop()


def _path(name: str, rest: str) -> str:
    provider = "providers/Microsoft.MachineLearningServices/workspaces"
    top = f"/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/{name}-group"
    return f"{top}/{provider}/{name}{rest}?api-version=2024-01-01-preview"


def _used(emulator: Emulator, name: str) -> dict[str, Any]:
    def arm(method: str, rest: str, **more: Any) -> httpx.Response:
        return emulator.http(method, _path(name, rest), **more)

    text = f"echo I am {name} > ${{{{outputs.out}}}}/x; echo said {name}"
    body = command(text, outputs={"out": {"jobOutputType": "uri_folder"}})
    assert arm("PUT", "/jobs/same", json=body).status_code == 201
    image = {"properties": {"image": name}}
    assert arm("PUT", "/environments/same/versions/1", json=image).status_code == 201
    until(lambda: arm("GET", "/jobs/same").json()["properties"]["status"] == "Completed", 60, "it ran")
    shown = arm("GET", "/jobs/same").json()["properties"]
    assert len(arm("GET", "/jobs").json()["value"]) == 1
    details = f"/history/v1.0{_path(name, '/runs/same/details').partition('?')[0]}?api-version=v1.0"
    link = emulator.http("GET", details).json()["logFiles"]["user_logs/std_log.txt"]
    said = next(line for line in emulator.client().get(link).text.splitlines() if line.startswith("said"))
    return {
        "log": said.split()[1],
        "uri": shown["outputs"]["out"]["uri"],
        "image": arm("GET", "/environments/same/versions/1").json()["properties"]["image"],
    }


@pytest.fixture
def crowded(tmp_path: Path, tls: Tls, blob_url: str) -> Any:
    """An emulator whose state holds a thousand jobs that have ended."""
    folder = tmp_path / "crowded"
    (folder / "state").mkdir(parents=True)
    store = Store(folder / "state" / "state.db")
    body = {"jobType": "Command", "command": "true", "environmentId": "e", "experimentName": "many"}
    with store.transaction():
        for number in range(JOBS):
            name, now = f"job-{number:04d}", "2026-11-28T00:00:00.000000Z"
            job = Job(
                name=name,
                body={**body, "displayName": name},
                status="Completed",
                created=now,
                number=number,
                experiment_id="x",
            )
            store.put(name, job)
    store.close()
    emulator = Emulator(folder, tls, blob_url, [], STAND_IN)
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.mark.filterwarnings("ignore")
def test_a_thousand_jobs_come_in_pages(crowded: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    pages, url = [], "/jobs"
    answer = crowded.arm("GET", url)
    while True:
        pages.append([one["name"] for one in answer.json()["value"]])
        if "nextLink" not in answer.json():
            break
        if len(pages) == 3:  # a job made while somebody pages moves nothing
            submit(crowded, "late", command("true"))
        answer = crowded.http("GET", answer.json()["nextLink"])
    assert [len(page) for page in pages] == [100] * 10
    assert [name for page in pages for name in page] == [f"job-{n:04d}" for n in reversed(range(JOBS))]
    wait_for(crowded, "late", "Completed")
    assert "completed" in log_of(crowded, "late")
    for key, value in crowded.environment().items():
        monkeypatch.setenv(key, value)
    from azure.ai.ml import MLClient  # noqa: TID251 - the SDK under test
    from azure.identity import DefaultAzureCredential  # noqa: TID251

    client = MLClient(DefaultAzureCredential(), SUBSCRIPTION, NAME, NAME, enable_telemetry=False)
    assert len([job for job in client.jobs.list() if job]) == JOBS + 1
