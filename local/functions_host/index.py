"""Load a function app as Microsoft's worker does, and refuse what it refuses.

What the worker checks was read in azure-functions-python-worker (functions.py) and is listed in README.md.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import azure.functions as func

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

TRIGGERS = frozenset({"blobTrigger", "queueTrigger", "eventGridTrigger", "timerTrigger", "httpTrigger"})


class Refused(Exception):
    """The app cannot be indexed; the text names the function and the mend."""


@dataclass(frozen=True)
class Function:
    """One indexed function: its code, its trigger's kind and settings, how Python is to call it."""

    name: str
    code: Callable[..., Any]
    kind: str
    argument: str
    binding: Mapping[str, Any]
    annotation: Any
    returns: bool
    retry: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_async(self) -> bool:
        """Tell whether the code is a coroutine function."""
        return inspect.iscoroutinefunction(self.code)


def load(folder: Path, module: str = "function_app") -> list[Function]:
    """Import the app below `folder` and index its functions; raises Refused."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    loaded = importlib.import_module(module)
    apps = {id(value): value for value in vars(loaded).values() if isinstance(value, func.FunctionApp)}
    if len(apps) != 1:
        raise Refused(f"{module}.py holds {len(apps)} FunctionApp objects, expected exactly one.")
    functions = [_function(found) for found in next(iter(apps.values())).get_functions()]
    names = [function.name for function in functions]
    for name in {name for name in names if names.count(name) > 1}:
        raise Refused(f"Two functions are named {name!r}; give one of them another name.")
    if not functions:
        raise Refused(f"{module}.py registers no function; decorate one, or register a blueprint.")
    return functions


def _function(found: Any) -> Function:  # noqa: ANN401 - azure.functions.decorators.function_app.Function
    name, code = found.get_function_name(), found.get_user_function()
    trigger = found.get_trigger()
    if trigger is None:
        raise Refused(f"The function {name!r} has no trigger; decorate it with one.")
    binding = _plain(trigger.get_dict_repr())
    if binding["type"] not in TRIGGERS:
        raise Refused(f"The function {name!r} has a {binding['type']}, which this host does not deliver.")
    outputs = {_plain(b.get_dict_repr())["name"] for b in found.get_bindings()} - {binding["name"]}
    for fault in _faults(code, binding, outputs):
        raise Refused(f"The function {name!r}: {fault}")
    annotation = _annotations(code).get(binding["name"])
    retry = found.get_settings_dict("retry_policy") or {}
    return Function(
        name, code, binding["type"], binding["name"], binding, annotation, "$return" in outputs, retry
    )


def _faults(code: Callable[..., Any], binding: Mapping[str, Any], outputs: set[str]) -> Iterator[str]:
    arguments = set(inspect.signature(code).parameters) - {"context"}
    bound = {binding["name"]} | (outputs - {"$return"})
    if arguments - bound:
        extra = ", ".join(sorted(arguments - bound))
        yield f"the argument {extra} is bound to nothing; the trigger's arg_name is {binding['name']!r}."
    if bound - arguments:
        missing = ", ".join(sorted(bound - arguments))
        yield f"it is bound to {missing}, but takes no such argument; rename the argument."
    annotations = _annotations(code)
    if annotations.get("return") not in {None, type(None)} and "$return" not in outputs:
        yield "it says that it returns something, but has no output binding; annotate it `-> None`."
    if binding["type"] == "blobTrigger" and not _takes_blob(annotations.get(binding["name"])):
        yield (
            f"{binding['name']} must be annotated with a class of azurefunctions.extensions.bindings.blob "
            "or func.InputStream."
        )


def _takes_blob(annotation: Any) -> bool:  # noqa: ANN401 - any annotation
    from azurefunctions.extensions.bindings.blob import BlobClient, ContainerClient, StorageStreamDownloader

    return annotation in {BlobClient, ContainerClient, StorageStreamDownloader, func.InputStream, None}


def _annotations(code: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(code)


def _plain(binding: Mapping[str, Any]) -> dict[str, Any]:
    def plain(value: Any) -> Any:  # noqa: ANN401
        return [plain(one) for one in value] if isinstance(value, list) else getattr(value, "value", value)

    return {key: plain(value) for key, value in binding.items()}
