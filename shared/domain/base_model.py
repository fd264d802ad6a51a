"""A base model as its registry has it, and what the catalogue publishes about it.

Until 2026-06 lists and dates stood in the model's tags, as Python literals; since then they stand in the raw
version's `systemMetadata` (Azure/azureml-assets, commit 0419839803). Both are read; the newer counts first.
"""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

SUCCESSORS = {"phi-3": "Phi-4", "phi-3.5": "Phi-4", "llama-2": "Phi-4", "mistral-7b": "Phi-4"}


class Catalogue(msgspec.Struct, frozen=True):
    """What is published about a model version. None: nothing is.

    sizes: where it may be tuned and served, as published; retired: when tuning or serving ends.
    """

    archived: bool = False
    finetune_sizes: tuple[str, ...] | None = None
    inference_sizes: tuple[str, ...] | None = None
    finetune_retired: datetime | None = None
    inference_retired: datetime | None = None
    tasks: tuple[str, ...] | None = None

    @property
    def retired(self) -> datetime | None:
        """The day from which it can no longer be tuned or served, whichever comes first."""
        return min((at for at in (self.finetune_retired, self.inference_retired) if at), default=None)


class ResolvedModel(msgspec.Struct, frozen=True):
    """The base model as the registry has it. defaults: its `model_specific_defaults`, as plain values.

    catalogue: None where the raw version could not be read.
    """

    id: str
    name: str
    version: str
    tags: dict[str, str]
    defaults: dict[str, Any]
    catalogue: Catalogue | None = None


def successor(name: str) -> str | None:
    """Name the model that follows one that was retired: the one of its kind that can still be tuned."""
    found = [stem for stem in SUCCESSORS if name.lower().startswith(stem)]
    return SUCCESSORS[max(found, key=len)] if found else None


def catalogue(raw: Mapping[str, Any]) -> Catalogue:
    """Read a raw model version's `properties`, as the registry answers with them."""
    new, tags = _dict(raw.get("systemMetadata")), _dict(raw.get("tags"))
    computes, ends = _dict(new.get("supportedComputes")), _dict(new.get("deprecation"))
    tasks = _dict(new.get("tasks")).get("fineTuningTasks")
    older = _dict(raw.get("properties"))
    return Catalogue(
        archived=bool(raw.get("isArchived")),
        finetune_sizes=_texts(computes.get("finetuneComputes"), tags.get("finetune_compute_allow_list")),
        inference_sizes=_texts(computes.get("inferenceComputes"), tags.get("inference_compute_allow_list")),
        finetune_retired=_time(ends.get("finetuneRetirementDate"), tags.get("finetuneRetirementDate")),
        inference_retired=_time(ends.get("inferenceRetirementDate"), tags.get("inferenceRetirementDate")),
        tasks=_texts(tasks, older.get("finetuning-tasks") or tags.get("finetuning-tasks")),
    )


def literal(text: object) -> object:
    """Read a Python literal, as lists and dictionaries travel in tags; None where it is none."""
    if not isinstance(text, str):
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _dict(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _texts(*found: object) -> tuple[str, ...] | None:
    """Take the first that is a list: of its own, a Python literal, or words between commas."""
    for one in found:
        values = literal(one) if isinstance(one, str) and one.lstrip()[:1] in {"[", "("} else one
        if isinstance(values, str) and values.strip():
            return tuple(word.strip() for word in values.split(",") if word.strip())
        if isinstance(values, (list, tuple)):
            return tuple(str(value) for value in values)
    return None


def _time(*found: object) -> datetime | None:
    for one in found:
        try:
            at = datetime.fromisoformat(str(one))
        except ValueError:
            continue
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None
