"""`droptune requeue` over fakes: what it lists, what it brings back, what no message does to a terminal."""

from __future__ import annotations

import json

import pytest

from shared import wiring
from shared.cli.main import main
from tests.app.life import Life, chats
from tests.fakes.poison import FakePoison


@pytest.fixture
def poison(life: Life, monkeypatch: pytest.MonkeyPatch) -> FakePoison:
    made = FakePoison(life.now)
    monkeypatch.setattr(wiring, "poison", lambda: made)
    return made


def test_an_empty_one_says_so(poison: FakePoison, capsys: pytest.CaptureFixture[str]) -> None:
    assert poison.look() == []
    assert main(["requeue"]) == 0
    assert capsys.readouterr().out == "nothing lies in poison\n"
    assert main(["requeue", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_it_lists_and_takes_nothing(poison: FakePoison, capsys: pytest.CaptureFixture[str]) -> None:
    poison.put("step", json.dumps({"run": "a-20261124120000-aaaaaaaa"}))
    poison.put("step", "\x1b]0;owned\x07")
    poison.put("drop", json.dumps({"ContainerName": "datasets", "BlobName": "a/\x1b[2Jb.jsonl"}))
    assert main(["requeue"]) == 0
    shown = capsys.readouterr().out
    assert "a-20261124120000-aaaaaaaa" in shown
    assert "\x1b" not in shown
    assert "a/\\x1b[2Jb.jsonl" in shown
    assert "droptune requeue ID" in shown
    assert len(poison.look()) == 3


def test_one_is_brought_back_by_its_id(
    life: Life, poison: FakePoison, capsys: pytest.CaptureFixture[str]
) -> None:
    life.storage.drops.put("support/a.jsonl", chats())
    poison.put("drop", json.dumps({"ContainerName": "datasets", "BlobName": "support/a.jsonl"}))
    stays = poison.put("step", "garbage")
    assert main(["requeue", "m1", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["id"], row["kind"], row["drop"]) == ("m1", "drop", "support/a.jsonl")
    assert row["did"] == "a look was asked for: the run is received"
    assert [one.id for one in poison.look()] == [stays]
    life.deliver()
    assert [run.state for run in life.ledger.newest(2)] == ["training"]


def test_an_id_that_is_not_there_is_an_error(poison: FakePoison, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(poison.look()) == []
    assert main(["requeue", "m7"]) == 1
    assert "No message 'm7' lies in poison" in capsys.readouterr().err


def test_all_are_brought_back(poison: FakePoison, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        poison.put("step", f"garbage {number}")
    assert main(["requeue", "--all"]) == 0
    assert capsys.readouterr().out.count("put back into the queue as it stands") == 3
    assert poison.look() == []
