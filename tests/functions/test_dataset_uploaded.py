"""A blob's event names a blob; only drops below `datasets` are received."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.storage.blob import BlobClient  # noqa: TID251 - what the blob extension hands to a function

from functions.dataset_uploaded import dataset_uploaded
from tests.app.life import chats

if TYPE_CHECKING:
    from tests.app.life import Life


def _client(path: str, container: str = "datasets") -> BlobClient:
    return BlobClient("https://chats.blob.core.windows.net", container, path)


def test_a_drop_is_received_and_goes_as_far_as_it_can(life: Life) -> None:
    life.storage.drops.put("support/a.jsonl", chats())

    dataset_uploaded(_client("support/a.jsonl"))

    (run,) = life.ledger.newest(10)
    assert run.drop.path == "support/a.jsonl"
    assert run.state == "training"
    assert run.job is not None


def test_a_doubled_event_makes_no_second_run(life: Life) -> None:
    life.storage.drops.put("support/a.jsonl", chats())

    for _ in range(3):
        dataset_uploaded(_client("support/a.jsonl"))

    assert len(life.ledger.newest(10)) == 1


@pytest.mark.parametrize("container", ["datasets-old", "prepared", "Datasets"])
def test_another_container_is_ignored(life: Life, container: str) -> None:
    life.storage.drops.put("support/a.jsonl", chats())

    dataset_uploaded(_client("support/a.jsonl", container))

    assert life.ledger.newest(10) == []
    assert life.storage.calls.total() == 1  # the listing of this test itself


def test_a_member_of_a_folder_sets_off_nothing(life: Life) -> None:
    life.storage.drops.put("support/week/train.jsonl", chats())

    dataset_uploaded(_client("support/week/train.jsonl"))

    assert life.ledger.newest(10) == []


def test_the_mark_of_a_folder_sets_its_run_off(life: Life) -> None:
    life.storage.drops.put("support/week/train.jsonl", chats())
    life.storage.drops.put("support/week/_SUCCESS", b"")

    dataset_uploaded(_client("support/week/_SUCCESS"))

    (run,) = life.ledger.newest(10)
    assert (run.drop.path, run.state) == ("support/week/", "training")


def test_a_blob_that_has_gone_sets_off_nothing(life: Life) -> None:
    dataset_uploaded(_client("support/gone.jsonl"))

    assert life.ledger.newest(10) == []


def test_a_failure_goes_out_so_that_the_host_tries_again(life: Life) -> None:
    life.storage.drops.put("support/a.jsonl", chats())
    life.storage.fail_next("documents.create", OSError("no ledger"))

    with pytest.raises(OSError, match="no ledger"):
        dataset_uploaded(_client("support/a.jsonl"))
    dataset_uploaded(_client("support/a.jsonl"))

    assert len(life.ledger.newest(10)) == 1
