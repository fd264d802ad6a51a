"""Errors as Azure words them.

AzureError            any refusal; becomes Azure's error envelope
  bad_request         400 UserError       the caller sent something that can't be
  immutable           400 UserError       the name is taken by something else
  inference_refuses   400 BadRequest      the inferencing service behind endpoints refuses
  missing             404 UserError or ResourceNotFound
  busy                409 Conflict        another operation holds the resource
  unsupported         501 NotImplemented  this emulator can't, where Azure could
"""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]

SUPPORT = "local/azureml/README.md, 'Support matrix'"


class AzureError(Exception):
    """A refusal that reaches the caller as `{"error": {code, message, details, innererror}}`."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        detail: str | None = None,
        inner: str | None = None,
        detail_message: str | None = None,
    ) -> None:
        """Keep what the envelope needs; `detail` and `inner` are the codes of its two inner parts."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.inner = inner
        self.detail_message = detail_message or message

    def envelope(self) -> Json:
        """Return the body Azure Resource Manager would answer with."""
        details = [{"code": self.detail, "message": self.detail_message}] if self.detail else []
        error: Json = {"code": self.code, "message": self.message, "target": None, "details": details}
        if self.inner:
            error["innererror"] = {"code": self.inner}
        component = {"type": "ComponentName", "info": {"value": "managementfrontend"}}
        error["additionalInfo"] = [component]
        return {"error": error}


def bad_request(message: str, *, detail: str = "BadArgument") -> AzureError:
    """Return a 400 for a request that can never succeed as it is."""
    return AzureError(400, "UserError", message, detail=detail, inner="BadArgument")


def immutable(what: str, name: str, kept: str) -> AzureError:
    """Return the 400 for a PUT that would change what can't be changed."""
    message = (
        f"A {what} with this name already exists. If you are trying to create a new {what}, use a "
        f"different name. If you are trying to update '{name}', only {kept} can be changed."
    )
    return AzureError(400, "UserError", message, detail=f"{what.title()}PropertyImmutable", inner="Immutable")


def inference_refuses(field: str, reason: str) -> AzureError:
    """Return the 400 of the service behind endpoints: the reason lies in a detail, as JSON text."""
    said = {"errors": {field: [reason]}, "title": "One or more validation errors occurred."}
    return AzureError(
        400,
        "BadRequest",
        "The request is invalid.",
        detail="InferencingClientCallFailed",
        detail_message=json.dumps(said),
    )


def missing(what: str, name: str, *, code: str = "UserError") -> AzureError:
    """Return a 404; `code` is `ResourceNotFound` for what Resource Manager itself looks up."""
    message = f"Not found: {what} '{name}' does not exist."
    return AzureError(404, code, message, detail="NotFound", inner="NotFound")


def busy(message: str) -> AzureError:
    """Return a 409 for a resource that another operation holds."""
    return AzureError(409, "Conflict", message, inner="Conflict")


def unsupported(what: str) -> AzureError:
    """Return a 501 that names what the emulator lacks and where its matrix is."""
    message = f"This emulator of Azure ML has no {what}. What it has: {SUPPORT}."
    return AzureError(501, "NotImplemented", message, inner="NotImplementedByEmulator")
