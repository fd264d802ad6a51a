"""The tutorials' commands, in their order, on a whole stack with the demo's model.

What sets the stack up or speaks to Azure is not run here but has to be known; `az storage blob upload` is
done by the SDK. RUN is the newest run. A comment after a command names its exit code, where that is not 0.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from local.layout import HOME, ROOT
from local.stack import Stack
from tests.e2e.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tutorials"), pytest.mark.timeout(1500)]
PAGES = ("tutorial-laptop.md", "tutorial-azure.md")
# What sets up, or needs a subscription: the stack stands in for what these bring about.
ELSEWHERE = ("python3 dev.py ", "export PATH=", "git clone ", "azd ")
COMMAND = re.compile(r"^\$ (?P<line>.*?)(?:\s+# exit (?P<code>\d))?$")


@dataclass(frozen=True)
class Step:
    """One command of a page, and the exit code that it names."""

    line: str
    code: int


def steps(page: str) -> list[Step]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    found = [COMMAND.match(line) for block in blocks for line in block.splitlines()]
    return [Step(one["line"], int(one["code"] or 0)) for one in found if one]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A stack with the recipes and the model of the demo."""
    if not (HOME / "models" / "small").is_dir():
        pytest.skip("the set-up converts the small model")
    with Stack(tmp_path_factory.mktemp("stack"), recipes=ROOT / "recipes") as stack:
        yield Rig(stack)


@dataclass(frozen=True)
class Desk:
    """A folder as the reader has it: the checkout's files, an env file, `droptune` on the path."""

    folder: Path
    rig: Rig

    def run(self, step: Step) -> None:
        line = step.line.replace("RUN", self._newest()) if "RUN" in step.line.split() else step.line
        if line.startswith(ELSEWHERE):
            return
        if line.startswith("az storage blob upload "):
            self._upload(shlex.split(line))
            return
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.folder,
            env=self._env(),
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
        )
        assert done.returncode == step.code, f"$ {line}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"

    def _env(self) -> dict[str, str]:
        """The reader's environment: no setting of the stack's; these come from the env file."""
        stack = self.rig.stack
        kept = {key: value for key, value in stack.env.items() if key not in stack.settings}
        return {**kept, "PATH": f"{self.folder}:{kept['PATH']}", "PYTHONPATH": str(ROOT)}

    def _newest(self) -> str:
        name: str = self.rig.droptune("runs")[0]["run"]
        return name

    def _upload(self, words: list[str]) -> None:
        container, file = (words[words.index(flag) + 1] for flag in ("--container-name", "--file"))
        code = (
            "import os, pathlib, sys; from azure.identity import DefaultAzureCredential as C;"
            "from azure.storage.blob import BlobServiceClient as B;"
            "blobs = B(os.environ['DROPTUNE_STORAGE__blobServiceUri'], credential=C());"
            f"path = pathlib.Path({str(self.folder / file)!r});"
            f"blobs.get_blob_client({container!r}, path.name).upload_blob(path.read_bytes(), overwrite=True)"
        )
        self.rig.python(code)


@pytest.fixture
def desk(rig: Rig, tmp_path: Path) -> Desk:
    for name in ("local", "recipes", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".droptune").mkdir()
    for path in (tmp_path / ".droptune" / "env", tmp_path / "droptune.env"):
        shutil.copy(rig.stack.home / "env", path)
    script = tmp_path / "droptune"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m shared.cli.main "$@"\n')
    script.chmod(0o755)
    return Desk(tmp_path, rig)


def test_the_laptop_s_commands(desk: Desk) -> None:
    for step in steps("tutorial-laptop.md"):
        desk.run(step)
    states = {one["state"] for one in desk.rig.droptune("runs") if one["recipe"] == "acme-support"}
    assert states & {"deploying", "testing", "promoting", "live"}  # revived, after the sweep took it
    assert "unchanged" in states


def test_azure_s_commands(desk: Desk) -> None:
    text = (ROOT / "docs" / "tutorial-azure.md").read_text("utf-8")
    (recipe,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    # The general questions take this machine's CPU minutes; tests of their own ask them.
    assert "\nevaluation:\n" in recipe
    quick = recipe.replace("\nevaluation:\n", "\nevaluation:\n  general: null\n")
    (desk.folder / "support.yaml").write_text(quick)
    (row,) = re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    data = (ROOT / "local" / "demo_data" / "acme-support.jsonl").read_text("utf-8")
    (desk.folder / "support.jsonl").write_text(data + json.dumps(json.loads(row)) + "\n")
    for step in steps("tutorial-azure.md"):
        desk.run(step)
    newest = desk.rig.droptune("runs")[0]
    assert (newest["recipe"], newest["state"]) == ("support", "live")
