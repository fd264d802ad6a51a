"""Whoever may drop a file chooses its name, metadata and content; none of it gets anywhere but into words."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING

import pytest
from azure.storage.blob import BlobClient  # noqa: TID251 - what the host hands the trigger
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.dataset_uploaded import dataset_uploaded
from shared import wiring
from shared.app import views
from shared.cli import context
from shared.cli.main import main
from shared.domain.errors import Permanent
from shared.web import run_page
from tests.app.life import Life, chats

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shared.domain.run import Run

RUN = r"[a-z0-9-]{1,24}-\d{14}-[0-9a-f]{8}"
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\u200f\r\b"
HOSTILE = [
    f"support/{ESCAPES}.jsonl",
    f"{ESCAPES}/a.jsonl",
    "support/<script>alert(1)</script>.jsonl",
    "support/\"><img src=x onerror=alert(1)>'.jsonl",
    "support/%2e%2e%2f%2e%2e%2fr%2fx.jsonl",
    "support/..%00.jsonl",
    "support/....jsonl",
    "support/a\nrun x: failed -> live\n.jsonl",
    "support/{{7*7}}${7*7}#{7*7}.jsonl",
    "support/$(reboot)`reboot`;reboot|&.jsonl",
    "support/" + "x" * 1010 + ".jsonl",
    "SUPPORT/a.jsonl",
    "support //a.jsonl",
    "/a.jsonl",
    "support/a.jsonl/",
    "support/big/train.jsonl/_SUCCESS",
]
WRITTEN = re.compile(
    rf"(r/{RUN}\.json|active/{RUN}|outbox/run/{RUN}\+\d+|by-day/[^/]*/\d+-{RUN}|lanes/[a-z0-9-]+\.json|same/[\w.-]+|"
    rf"installation|timers/\w+|curves/{RUN}-a\d+\.json|baselines/.+|costs/.+|sweep/.+)"
)


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Life:
    made = Life()
    monkeypatch.setattr(wiring, "world", lambda: made.world)
    monkeypatch.setattr(wiring, "timing", lambda: made.timing)
    monkeypatch.setattr(context, "ENV_FILE", tmp_path / "none")
    return made


def dropped(
    life: Life, path: str, data: bytes | None = None, metadata: Mapping[str, str] | None = None
) -> Run | None:
    """Drop a blob and let its event and the listing do what they do."""
    try:
        life.storage.drops.put(path, data if data is not None else chats(), metadata or {})
    except Permanent:
        return None  # no blob can have this name
    for _ in range(4):
        life.tick(301)
    return next((run for run in life.ledger.newest(10) if run.drop.path == path), None)


def is_harmless(text: str) -> bool:
    """Tell whether a terminal only shows this: no sign of it is obeyed."""
    return all(unicodedata.category(sign) not in {"Cc", "Cf"} or sign == "\n" for sign in text)


@pytest.mark.parametrize("path", HOSTILE)
def test_a_name_is_shown_and_never_obeyed(life: Life, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = dropped(life, path)
    assert [entry.name for entry in life.world.ledger.names("") if not WRITTEN.fullmatch(entry.name)] == []
    assert all(re.match(rf"{RUN}/", name) for name in life.world.prepared.names(""))
    for command in (["runs"], *([[one, run.name] for one in ("show", "trace")] if run else []), ["events"]):
        capsys.readouterr()
        assert main(command) == 0
        shown = capsys.readouterr()
        assert is_harmless(shown.out + shown.err), command
    capsys.readouterr()
    assert main(["runs", "--json"]) == 0
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert is_harmless(printed)
    assert len(json.loads(printed)) == len(list(life.ledger.runs()))
    if run:
        page = run_page.render(run, {}, life.at)
        assert not re.search(r"<(script|img)|\x1b", page)
        assert json.dumps(views.whole(run)).isascii()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(min_size=1, max_size=60), data=st.binary(max_size=200), retrain=st.text(max_size=20))
def test_no_name_stops_the_listing_or_another_drop(path: str, data: bytes, retrain: str) -> None:
    life = Life()
    good = life.storage.drops.put("support/good.jsonl", chats(), {}).run
    dropped(life, path, data, {"retrain": retrain})
    assert life.run(good).state == "training"
    for name in life.ledger.runs():
        assert re.fullmatch(RUN, name)


def test_huge_and_hostile_metadata_changes_nothing_but_retrain(life: Life) -> None:
    huge = {f"k{n}": "v" * 800 for n in range(10)}
    hostile = {"hdi_isfolder": "false", "x-ms-copy-source": "https://attacker.example/x"}
    run = dropped(life, "support/a.jsonl", metadata=huge | hostile | {"RETRAIN": "TRUE\r\nx: y"})
    assert run is not None
    assert (run.state, run.drop.retrain) == ("training", False)
    assert "vvvv" not in str(run)


@pytest.mark.parametrize("host", ["https://attacker.example", "http://169.254.169.254"])
def test_an_event_that_names_another_host_leads_nowhere(life: Life, host: str) -> None:
    """Of the blob that an event names only the path is taken: bytes come from this installation's account."""
    client = BlobClient(host, "datasets", "support/theirs.jsonl")
    dataset_uploaded(client)
    assert list(life.ledger.runs()) == []
    ours = life.storage.drops.put("support/ours.jsonl", chats(), {})
    dataset_uploaded(BlobClient(host, "datasets", "support/ours.jsonl"))
    assert life.run(ours.run).state == "training"
    assert life.run(ours.run).drop == ours


def test_hostile_content_ends_in_a_report_and_not_in_a_terminal(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"messages": [{"role": f"user{ESCAPES}<script>", "content": ESCAPES}]}
    run = dropped(life, "support/a.jsonl", json.dumps(row).encode() * 3 + chats())
    assert run is not None
    assert run.state == "rejected"
    capsys.readouterr()
    assert main(["show", run.name]) == 0
    assert is_harmless(capsys.readouterr().out)
