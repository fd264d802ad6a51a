from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.stack import Stack
from tests.e2e.rig import RECIPES, Rig

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One stack for every test that breaks nothing in it."""
    with Stack(tmp_path_factory.mktemp("stack"), foundation="tiny", recipes=RECIPES) as stack:
        yield Rig(stack)


@pytest.fixture
def own_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A stack for a test that breaks it."""
    with Stack(tmp_path_factory.mktemp("stack"), foundation="tiny", recipes=RECIPES) as stack:
        yield Rig(stack)
