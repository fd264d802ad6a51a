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
from azure.functions import meta

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
    try:
        found = next(iter(apps.values())).get_functions()
    except ValueError as error:  # a name given twice, a function without a trigger
        raise Refused(f"{module}.py: {error}") from error
    if not found:
        raise Refused(f"{module}.py registers no function; decorate one, or register a blueprint.")
    return [_function(one) for one in found]


def _function(found: Any) -> Function:  # noqa: ANN401 - azure.functions.decorators.function_app.Function
    name, code = found.get_function_name(), found.get_user_function()
    binding = _plain(found.get_trigger().get_dict_repr())
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
    if annotations.get("return") not in {None, type(None), Any} and "$return" not in outputs:
        yield "it says that it returns something, but has no output binding; annotate it `-> None`."
    yield from _type_faults(binding, annotations)


def _type_faults(binding: Mapping[str, Any], annotations: Mapping[str, Any]) -> Iterator[str]:
    kind, name = binding["type"], binding["name"]
    if name not in annotations and kind != "blobTrigger":
        return  # the worker leaves an argument without an annotation alone
    annotation = annotations.get(name)
    if kind == "blobTrigger":
        if not _is_blob_client(annotation):
            yield (
                f"{name} must be annotated with azurefunctions.extensions.bindings.blob.BlobClient, "
                "the one kind of blob this host delivers (azure.storage.blob's own is refused on Azure too)."
            )
    elif not (
        isinstance(annotation, type)
        and meta.get_binding_registry().get(kind).check_input_type_annotation(annotation)
    ):
        shown = getattr(annotation, "__name__", repr(annotation))
        yield f"{name} is annotated with {shown}, which does not match the trigger, {kind}."


def _is_blob_client(annotation: Any) -> bool:  # noqa: ANN401 - any annotation
    from azurefunctions.extensions.bindings.blob import BlobClient

    return annotation is BlobClient


def _annotations(code: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(code)


def _plain(binding: Mapping[str, Any]) -> dict[str, Any]:
    def plain(value: Any) -> Any:  # noqa: ANN401
        return [plain(one) for one in value] if isinstance(value, list) else getattr(value, "value", value)

    return {key: plain(value) for key, value in binding.items()}
