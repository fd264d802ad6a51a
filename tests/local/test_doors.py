"""No answer of the emulator's or the host's waits for the client's delayed acknowledgement, 40 ms each."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from local.azureml import __main__ as azureml
from local.functions_host import __main__ as host

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("listen", [azureml._listen, host._listen], ids=["azureml", "host"])
def test_a_connection_sends_what_it_has_at_once(listen: Callable[[int], socket.socket]) -> None:
    with listen(0) as door:
        door.listen()
        with socket.create_connection(door.getsockname()), door.accept()[0] as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
