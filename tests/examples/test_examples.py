"""Each example, a program of its own, against one local stack: it must run to its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.layout import ROOT
from local.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
EXAMPLES = sorted(path for path in HERE.glob("*.py") if not path.name.startswith(("test_", "common")))
# As users set them who don't want to wait: the SDK looks at a job once a second.
POLLS = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "1", "AZUREML_RUN_POLLING_INTERVAL_MAX": "1"}
COMMIT = "085cd6ea399038c1e07843acff811f34261c0887"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("examples")]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), foundation="tiny") as running:
        yield running


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example(stack: Stack, example: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", str(example)]
    env = {**stack.env, **POLLS, "TQDM_DISABLE": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def test_each_names_its_public_example() -> None:
    assert len(EXAMPLES) >= 10
    for example in EXAMPLES:
        head = example.read_text("utf-8")[:500]
        assert f"commit {COMMIT}" in head, example.name
        assert ".ipynb" in head, example.name
    assert (ROOT / "local" / "azureml" / "README.md").read_text("utf-8").count("tests/examples") >= 1
