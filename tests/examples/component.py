"""A component: loaded from YAML, registered, found again, archived, restored.

Written after Azure/azureml-examples, sdk/python/assets/component/component.ipynb,
commit 085cd6ea399038c1e07843acff811f34261c0887: the calls are that example's, the code is our own.
"""

from __future__ import annotations

from azure.ai.ml import load_component
from common import HERE, unique, workspace

ml_client = workspace()
train = load_component(source=str(HERE / "src" / "fit.yml"))
train.name = unique("fit").replace("-", "_")
try:
    train = ml_client.components.get(name=train.name, version=train.version)
    raise AssertionError("it is not there yet")
except Exception as error:
    assert "does not exist" in str(error), error
    train = ml_client.components.create_or_update(train)
found = ml_client.components.get(name=train.name, version=train.version)
assert found.inputs["shrink"].type == "number", found.inputs
assert ml_client.components.get(name=train.name).version == train.version
ml_client.components.archive(name=train.name)
assert train.name not in [component.name for component in ml_client.components.list()]
ml_client.components.restore(name=train.name)
assert train.name in [component.name for component in ml_client.components.list()]
