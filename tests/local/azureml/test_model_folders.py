"""The folders of served models: which stay, which go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from local.azureml.models import ModelFolders
from local.azureml.records import Deployment
from local.azureml.state import Store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_deployment_whose_model_cannot_be_read_hinders_no_clean_up(tmp_path: Path) -> None:
    store, unused = Store(tmp_path / "state.db"), cast("Any", None)
    for name, model in (("wants", "/w/models/shop/versions/1"), ("odd", "of another make")):
        made = Deployment(
            endpoint="e", name=name, body={"model": model}, resource={}, created="", modified=""
        )
        store.put(f"e/{name}", made)
    folder = tmp_path / "models"
    for kept in ("shop+1", "shop+2"):
        (folder / kept).mkdir(parents=True)

    ModelFolders(folder, store, unused, unused, unused).clean_up()

    assert [one.name for one in folder.iterdir()] == ["shop+1"]
    store.close()
