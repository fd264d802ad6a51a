"""Curated environments: any name that Azure gives one is there, in any version. No image is built from it."""

from __future__ import annotations

from local.azureml.records import Asset

_PREFIXES = ("AzureML-", "azureml-")
_BORN = "2026-01-01T00:00:00.000000Z"


def curated(kind: str, name: str, version: str = "1") -> Asset | None:
    """Return the curated environment of that name; None for any other name or kind."""
    if kind != "environment" or not name.startswith(_PREFIXES):
        return None
    body = {
        "image": f"mcr.microsoft.com/azureml/curated/{name.partition('-')[2].lower()}:{version}",
        "description": "A curated environment; this emulator knows its name alone.",
        "tags": {},
        "properties": {},
        "isArchived": False,
        "isAnonymous": False,
        "environmentType": "Curated",
        "osType": "Linux",
    }
    return Asset(kind=kind, name=name, version=version, body=body, created=_BORN, modified=_BORN)
