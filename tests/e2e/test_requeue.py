"""What the platform gives up lies in poison, and the command line lists it and brings it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.rig import until

if TYPE_CHECKING:
    from tests.e2e.rig import Rig

pytestmark = pytest.mark.xdist_group("e2e")
SPOIL = """
import os
from azure.identity import DefaultAzureCredential
from azure.storage.queue import QueueClient
url = os.environ["DROPTUNE_STORAGE__queueServiceUri"]
QueueClient(url, "run-steps", credential=DefaultAzureCredential()).send_message("{no base64}")
"""


def test_a_message_that_nobody_can_read_is_listed_and_goes_by_its_id(rig: Rig) -> None:
    rig.python(SPOIL)
    [row] = until(lambda: rig.droptune("requeue"), 90, "the message lies in poison")
    assert (row["kind"], row["run"], row["drop"]) == ("step", None, None)
    [done] = rig.droptune("requeue", row["id"])
    assert done["did"] == "deleted: it names nothing that could be brought back"
    assert rig.droptune("requeue") == []
    assert rig.run("requeue", row["id"]).returncode == 1
