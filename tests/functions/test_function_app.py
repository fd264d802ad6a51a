"""function_app as Microsoft's worker would see it: what it indexes to, and what importing it costs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.functions_host import index

ROOT = Path(__file__).parents[2]
HEAVY = {
    "azure.ai.ml",
    "azure.ai",
    "datasets",
    "mlflow",
    "torch",
    "jinja2",
    "ruamel",
    "transformers",
    "pandas",
}
KINDS = {
    "dataset_uploaded": "blobTrigger",
    "job_finished": "eventGridTrigger",
    "advance_run": "queueTrigger",
    "reconcile_runs": "timerTrigger",
    "clean_endpoints": "timerTrigger",
    "health": "httpTrigger",
    "runs": "httpTrigger",
    "run": "httpTrigger",
    "report": "httpTrigger",
    "approve": "httpTrigger",
    "reject": "httpTrigger",
    "wake": "httpTrigger",
    "sweep": "httpTrigger",
    "plan": "httpTrigger",
}


@pytest.fixture(scope="module")
def functions() -> dict[str, index.Function]:
    return {function.name: function for function in index.load(ROOT)}


def test_it_indexes_to_exactly_these_functions(functions: dict[str, index.Function]) -> None:
    assert {name: function.kind for name, function in functions.items()} == KINDS


def test_every_route_but_health_wants_a_function_key(functions: dict[str, index.Function]) -> None:
    routes = {f.name: f.binding["authLevel"] for f in functions.values() if f.kind == "httpTrigger"}

    assert {name: str(level).lower() for name, level in routes.items()} == {
        "health": "anonymous",
        "runs": "function",
        "run": "function",
        "report": "function",
        "approve": "function",
        "reject": "function",
        "wake": "function",
        "sweep": "function",
        "plan": "function",
    }


def test_routes_only_read_but_for_peoples_commands(functions: dict[str, index.Function]) -> None:
    methods = {name: f.binding["methods"] for name, f in functions.items() if f.kind == "httpTrigger"}

    for command in ("approve", "reject", "wake"):
        assert methods.pop(command) == ["POST"]
    assert all(found == ["GET"] for found in methods.values())


def test_the_blob_trigger_listens_to_events_for_the_datasets(functions: dict[str, index.Function]) -> None:
    binding = functions["dataset_uploaded"].binding

    assert binding["source"] == "EventGrid"  # the one source that Flex Consumption has
    assert binding["path"].startswith("datasets/")
    assert binding["connection"] == functions["advance_run"].binding["connection"] == "DROPTUNE_STORAGE"


def test_the_timers_schedules_are_settings(functions: dict[str, index.Function]) -> None:
    schedules = {f.binding["schedule"] for f in functions.values() if f.kind == "timerTrigger"}

    assert schedules == {"%RECONCILE_SCHEDULE%", "%SWEEP_SCHEDULE%"}


def test_host_json_keeps_the_text_encoding_and_the_poison_rule() -> None:
    host = json.loads((ROOT / "host.json").read_text("utf-8"))

    assert host["extensions"]["queues"]["messageEncoding"] == "base64"
    assert host["extensions"]["queues"]["maxDequeueCount"] == 5
    assert host["extensionBundle"]["version"] == "[4.*, 5.0.0)"


def test_function_app_knows_only_the_triggers() -> None:
    source = ast.parse((ROOT / "function_app.py").read_text("utf-8"))
    imported = {
        name
        for node in ast.walk(source)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    }

    assert imported == {"azure.functions", "functions"}


def _imported(program: str) -> set[str]:
    out = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    found: Any = json.loads(out.stdout)
    return set(found)


def test_a_cold_start_pulls_in_no_heavy_package_and_needs_no_setting() -> None:
    loaded = _imported("import function_app")

    assert "functions.dataset_uploaded" in loaded
    assert loaded & HEAVY == set()
    assert not [name for name in loaded if name.startswith(("local.", "tests."))]
