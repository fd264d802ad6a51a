"""Small shapes that many of Azure's answers share."""

from __future__ import annotations

import re
from typing import Any

from local.azureml.errors import bad_request, unsupported

Json = dict[str, Any]

_ENDPOINT_NAME = re.compile(r"[a-zA-Z](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?")
_COMPUTE_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*")
_ASSET_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
_CALLER = "emulator"
_SHORTEST, _LONGEST = 3, 32


def system_data(created: str, modified: str) -> Json:
    """Return `systemData`, whole: the SDK stumbles over half of it."""
    return {
        "createdAt": created,
        "createdBy": _CALLER,
        "createdByType": "Application",
        "lastModifiedAt": modified,
        "lastModifiedBy": _CALLER,
        "lastModifiedByType": "Application",
    }


def properties_of(body: Json) -> Json:
    """Return the body's `properties`.

    Raises:
        AzureError: 400, when they are missing.

    """
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise bad_request("The request body has no object 'properties'.")
    return properties


def tags_alone(body: Json, *ignored: str) -> Json:
    """Return the tags that an Update asks for, the whole of them.

    Raises:
        AzureError: 501, when it asks for more; `ignored` parts may stand there.

    """
    more = sorted(body.keys() - {"tags", *ignored})
    if more or not isinstance(body.get("tags"), dict):
        raise unsupported(f"update of {', '.join(more) or 'nothing'}; only of tags")
    return {str(name): str(value) for name, value in body["tags"].items()}


def check_endpoint_name(what: str, name: str) -> None:
    """Refuse what Azure does not take as an endpoint's or deployment's name.

    Raises:
        AzureError: 400, with the rule.

    """
    if _SHORTEST <= len(name) <= _LONGEST and _ENDPOINT_NAME.fullmatch(name):
        return
    raise bad_request(
        f"'{name}' is no name for {what}: 3 to 32 letters, digits and dashes, beginning with a letter "
        "and not ending with a dash."
    )


def check_compute_name(name: str) -> None:
    """Refuse what Azure does not take as a cluster's name.

    Raises:
        AzureError: 400, with the rule.

    """
    if not (_SHORTEST <= len(name) <= _LONGEST and _COMPUTE_NAME.fullmatch(name)):
        raise bad_request(
            f"'{name}' is no name for a compute: 3 to 32 letters, digits and dashes, beginning with a letter."
        )


def check_asset_name(what: str, name: str) -> None:
    """Refuse what Azure does not take as a job's, model's, data's or compute's name.

    Raises:
        AzureError: 400, with the rule.

    """
    if not _ASSET_NAME.fullmatch(name):
        raise bad_request(
            f"'{name}' is no name for {what}: up to 255 letters, digits, '-', '_' and '.', beginning with "
            "a letter or digit."
        )


def first(values: list[Json], top: str | None) -> list[Json]:
    """Return as many of `values` as `$top` asks for."""
    return values[: int(top)] if top and top.isdigit() else values
