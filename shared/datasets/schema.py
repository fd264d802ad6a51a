"""report.json's JSON Schema, made of the types.

`python3 -m shared.datasets.schema > docs/report.schema.json` publishes it; a test holds
the file to the types.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from shared.datasets.report import VERSION, Report


def schema() -> dict[str, Any]:
    """Give the schema."""
    made = msgspec.json.schema(Report)
    for kind in made["$defs"].values():
        kind["description"] = " ".join(kind["description"].split())
        kind["required"] = sorted(kind.get("required", ()))  # of a TypedDict in no order
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Droptune's report.json, version {VERSION}",
        **made,
    }


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2, ensure_ascii=False))  # noqa: T201 - a program when it is run
