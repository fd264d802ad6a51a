"""The README's count of MLClient's methods is what a run of all of them finds."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.azureml import census

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# The SDK itself and what it imports warn in many places: that is not what is tested here.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_the_readme_says_which_methods_work(ml: Callable[..., Any], tmp_path: Path) -> None:
    found = census.census(ml(), tmp_path)
    section = census.table(found, version("azure-ai-ml"))
    if os.environ.get("CENSUS") == "write":  # noqa: TID251 - a switch for whoever runs it
        census.write(section)
    works, there = census.share(found)
    assert works / there >= 0.6
    assert census.written() == section, "write it: CENSUS=write pytest tests/local/azureml/test_census.py"
