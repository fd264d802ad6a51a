"""Errors and answers as MLflow words them, not as Azure does."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from local.azureml.errors import AzureError
from local.azureml.web import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.azureml.web import Call

Json = dict[str, Any]

_NAME_IS = re.compile(r"\s*(?:attributes?\.)?name\s*=\s*['\"](?P<name>[^'\"]+)['\"]\s*")


def missing(what: str) -> AzureError:
    """Return a 404."""
    return AzureError(404, "RESOURCE_DOES_NOT_EXIST", f"{what} does not exist.")


def invalid(message: str) -> AzureError:
    """Return a 400 for what can never be."""
    return AzureError(400, "INVALID_PARAMETER_VALUE", message)


def taken(what: str) -> AzureError:
    """Return the 400 for a name that is there already."""
    return AzureError(400, "RESOURCE_ALREADY_EXISTS", f"{what} already exists.")


def asked(call: Call) -> Json:
    """Return what a call asks: the query of a GET, the body of others."""
    body: Json = dict(call.query)
    if call.content:
        body |= call.json()
    return body


def wanted(values: Json, name: str) -> str:
    """Return a parameter that must be there.

    Raises:
        AzureError: 400, when it is not.

    """
    value = values.get(name)
    if value in (None, ""):
        raise invalid(f"Missing value for required parameter '{name}'.")
    return value if isinstance(value, str) else json.dumps(value)


def answering(how: Callable[[Json], Json]) -> Callable[[Call], Answer]:
    """Return a handler that gives `how` what the call asks, and words its errors."""

    def handler(call: Call) -> Answer:
        try:
            return Answer(body=how({**asked(call), **call.path}))
        except AzureError as error:
            return Answer(error.status, {"error_code": error.code, "message": error.message})

    return handler


def pairs(values: dict[str, str]) -> list[Json]:
    """Return key and value pairs as MLflow lists them."""
    return [{"key": key, "value": str(value)} for key, value in values.items()]


def texts(listed: object) -> dict[str, str]:
    """Return such a list as a dictionary."""
    return {
        str(one["key"]): str(one.get("value", "")) for one in (listed if isinstance(listed, list) else [])
    }


def name_in(asked: Json) -> str | None:
    """Return the name that a filter asks for; None without a filter.

    Raises:
        AzureError: 400, for any other filter: it must not be passed over in silence.

    """
    text = str(asked.get("filter") or "")
    match = _NAME_IS.fullmatch(text)
    if text.strip() and match is None:
        raise invalid(f"These can be filtered by name = 'NAME' alone; found '{text}'.")
    return match["name"] if match else None
