"""Blob Storage over its REST interface, by identity: what jobs read and write.

Source of the calls: the Blob service's REST reference (Put Block, Put Block List, List Blobs, Get Blob).
"""

from __future__ import annotations

import base64
import ssl
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from local.azureml.identity import STORAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.azureml.identity import Issuer
    from local.azureml.settings import Settings

VERSION = "2023-11-03"
BLOCK = 8 * 1024 * 1024
_ATTEMPTS = 4
_TOO_MANY, _SERVER_ERROR = 429, 500


class BlobFailure(Exception):
    """Blob Storage refused or could not be reached; `status` is its answer, or 0."""

    def __init__(self, message: str, status: int = 0, code: str = "") -> None:
        """Keep Azure's status and code."""
        super().__init__(message)
        self.status = status
        self.code = code


class BlobStore:
    """One storage account. Paths are `container`, `name`; names keep their slashes."""

    def __init__(self, settings: Settings, issuer: Issuer) -> None:
        """Talk to the settings' account with tokens of our own issuing."""
        self._base = settings.blob_url.rstrip("/")
        self._issuer = issuer
        bundle = settings.ca_bundle
        verify = ssl.create_default_context(cafile=str(bundle)) if bundle else ssl.create_default_context()
        self._http = httpx.Client(verify=verify, timeout=60)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ensure_container(self, container: str) -> None:
        """Make the container where it is missing.

        Raises:
            BlobFailure: as all methods here, when the service refuses or can't be reached.

        """
        try:
            self._call("PUT", container, query="restype=container")
        except BlobFailure as failure:
            if failure.code != "ContainerAlreadyExists":
                raise

    def exists(self, container: str, name: str) -> bool:
        """Return whether there is a blob of that name."""
        try:
            self._call("HEAD", container, name)
        except BlobFailure as failure:
            if failure.status == httpx.codes.NOT_FOUND:
                return False
            raise
        return True

    def list(self, container: str, prefix: str) -> Iterator[str]:
        """Yield the names that start with `prefix`; none where the container is missing."""
        for name, _ in self.sizes(container, prefix):
            yield name

    def sizes(self, container: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the same with each blob's size in bytes."""
        marker = ""
        while True:
            query = f"restype=container&comp=list&prefix={quote(prefix, safe='')}&marker={quote(marker)}"
            try:
                answer = self._call("GET", container, query=query)
            except BlobFailure as failure:
                if failure.code == "ContainerNotFound":
                    return
                raise
            # The answer comes from the local storage service, not from users.
            root = ET.fromstring(answer.content)  # noqa: S314 - see above
            for blob in root.iterfind("Blobs/Blob"):
                size = int(blob.findtext("Properties/Content-Length") or 0)
                yield blob.findtext("Name") or "", size
            marker = root.findtext("NextMarker") or ""
            if not marker:
                return

    def read(self, container: str, name: str) -> bytes:
        """Return a blob's content."""
        return self._call("GET", container, name).content

    def write(self, container: str, name: str, content: bytes) -> None:
        """Write a blob whole."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            self.upload(container, name, Path(file.name))

    def delete(self, container: str, name: str) -> None:
        """Delete a blob."""
        self._call("DELETE", container, name)

    def download(self, container: str, name: str, target: Path) -> None:
        """Write the blob to `target`, in pieces; half a file is never left under that name."""
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        with self._http.stream("GET", self.url(container, name), headers=self._headers()) as answer:
            if answer.is_error:
                answer.read()
                raise _failure(answer)
            with part.open("wb") as file:
                for piece in answer.iter_bytes(1024 * 1024):
                    file.write(piece)
        part.replace(target)

    def upload(self, container: str, name: str, source: Path) -> None:
        """Write the file as one block blob, 8 MiB a block; an existing blob is replaced whole."""
        identities: list[str] = []
        with source.open("rb") as file:
            while block := file.read(BLOCK):
                identity = base64.b64encode(f"{len(identities):08d}".encode()).decode()
                self._call("PUT", container, name, f"comp=block&blockid={quote(identity, safe='')}", block)
                identities.append(identity)
        blocks = "".join(f"<Latest>{identity}</Latest>" for identity in identities)
        body = f"<?xml version='1.0' encoding='utf-8'?><BlockList>{blocks}</BlockList>"
        self._call("PUT", container, name, "comp=blocklist", body.encode())

    def delegation_key(self, asked: str) -> bytes:
        """Return the answer to a request for a user delegation key, both XML."""
        return self._call(
            "POST", "", query="restype=service&comp=userdelegationkey", content=asked.encode()
        ).content

    def url(self, container: str, name: str = "", query: str = "") -> str:
        """Return where a container or blob lies."""
        path = f"{self._base}/{container}" + (f"/{quote(name)}" if name else "")
        return f"{path}?{query}" if query else path

    def _headers(self) -> dict[str, str]:
        token, _ = self._issuer.token(STORAGE)
        return {"Authorization": f"Bearer {token}", "x-ms-version": VERSION}

    def _call(
        self, method: str, container: str, name: str = "", query: str = "", content: bytes = b""
    ) -> httpx.Response:
        url = self.url(container, name, query)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._http.request(method, url, headers=self._headers(), content=content)
            except httpx.TransportError as error:
                if attempt == _ATTEMPTS:
                    raise BlobFailure(f"Blob Storage at {self._base} can't be reached: {error}.") from error
            else:
                if not answer.is_error:
                    return answer
                if attempt == _ATTEMPTS or not _passing(answer.status_code):
                    raise _failure(answer)
            time.sleep(0.5 * attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")


def _passing(status: int) -> bool:
    return status == _TOO_MANY or status >= _SERVER_ERROR


def _failure(answer: httpx.Response) -> BlobFailure:
    code = answer.headers.get("x-ms-error-code", "")
    message = f"Blob Storage answered {answer.status_code} {code} for {answer.request.url.path}."
    return BlobFailure(message, answer.status_code, code)
