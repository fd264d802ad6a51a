"""Tokens: the managed identity's, and the check of those that callers bring.

A token is a JWT signed with a key that lies in the state directory, so that tokens outlive a restart.
They live by the machine's time whatever the emulator's clock shows: the SDKs that keep them do too.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

import jwt

from local.azureml.errors import AzureError
from local.azureml.web import Answer, Way

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.settings import Settings
    from local.azureml.web import Call

LIFETIME = 24 * 3600
STORAGE = "https://storage.azure.com"
AZURE_ML = "https://ml.azure.com"
MANAGEMENT = "https://management.azure.com"
PRINCIPAL = "00000000-0000-0000-0000-0000000000bb"


class Issuer:
    """Makes and checks tokens for one emulator."""

    def __init__(self, settings: Settings) -> None:
        """Read the signing key, or make it."""
        self._settings = settings
        self._key = _signing_key(settings.state / "token.key")

    def token(self, resource: str, client: str | None = None) -> tuple[str, int]:
        """Return a token for `resource` and its end in epoch seconds."""
        now = int(time.time())
        client = client or PRINCIPAL
        tenant = self._settings.place.tenant
        claims = {
            "aud": resource.removesuffix("/.default").rstrip("/"),
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + LIFETIME,
            "appid": client,
            "oid": PRINCIPAL,
            "sub": PRINCIPAL,
            "tid": tenant,
            "idtyp": "app",
        }
        return jwt.encode(claims, self._key, algorithm="HS256"), now + LIFETIME

    def check(self, authorization: str, audiences: list[str]) -> dict[str, Any]:
        """Return the claims of a bearer header.

        Raises:
            AzureError: 401, saying what is wrong with the token and where to get one.

        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self._refused("the request carries no bearer token")
        try:
            claims: dict[str, Any] = jwt.decode(token, self._key, algorithms=["HS256"], audience=audiences)
        except jwt.InvalidTokenError as error:
            raise self._refused(f"{error}; expected an audience of {', '.join(audiences)}") from error
        return claims

    def audiences(self) -> list[str]:
        """Return whom a token for the management plane may be for."""
        return [self._settings.url, MANAGEMENT, AZURE_ML]

    def sign(self, text: str) -> str:
        """Return a short signature of `text`, for links that need no token."""
        return jwt.encode({"for": text}, self._key, algorithm="HS256").rpartition(".")[2]

    def ways(self) -> list[Way]:
        """Return the token endpoint's only route."""
        return [Way("GET", "/msi/token", self._endpoint, open=True)]

    def _endpoint(self, call: Call) -> Answer:
        # Azure's own endpoint wants this header too: a browser or a forwarded link can't send it.
        if "x-identity-header" not in call.headers:
            raise AzureError(400, "invalid_request", "Send the header X-IDENTITY-HEADER with any value.")
        resource = call.query.get("resource")
        if not resource:
            raise AzureError(400, "invalid_request", "Say in `resource` whom the token is for.")
        token, end = self.token(resource, call.query.get("client_id"))
        body = {"access_token": token, "expires_on": str(end), "resource": resource, "token_type": "Bearer"}
        return Answer(body=body)

    def _refused(self, why: str) -> AzureError:
        message = f"The access token is not valid: {why}. Tokens come from {self._settings.msi_url}."
        return AzureError(401, "InvalidAuthenticationToken", message)


def _signing_key(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()
