"""Links into Blob Storage that need no token: user delegation SAS, made without any account key.

Source of the string to sign: Azure's page "Create a user delegation SAS", version 2020-12-06 and later.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from local.azureml.clock import real_now

if TYPE_CHECKING:
    from datetime import datetime

    from local.azureml.blobstore import BlobStore

VERSION = "2021-12-02"
PERMISSIONS = "racwl"
_HOURS = 24
# Between protocol and version, version and cache headers: what the fields are that stay empty.
_EMPTY_AFTER_KEY = 3
_EMPTY_AT_END = 6


@dataclass(frozen=True)
class _Key:
    """A user delegation key, as the service gave it: the fields that are signed, in their order."""

    fields: tuple[str, ...]
    value: bytes


def container_link(blobs: BlobStore, account: str, container: str) -> str:
    """Return the container's URL with a query that allows to read, write and list it for a day.

    Raises:
        BlobFailure: the service refused.

    """
    start, end = _stamp(real_now() - timedelta(minutes=5)), _stamp(real_now() + timedelta(hours=_HOURS))
    key = _key(blobs, start, end)
    parts = [PERMISSIONS, start, end, f"/blob/{account}/{container}", *key.fields]
    parts += [""] * _EMPTY_AFTER_KEY + ["", "https", VERSION, "c", ""] + [""] * _EMPTY_AT_END
    digest = hmac.new(key.value, "\n".join(parts).encode(), hashlib.sha256).digest()
    names = ("skoid", "sktid", "skt", "ske", "sks", "skv")
    query = {"sp": PERMISSIONS, "st": start, "se": end, **dict(zip(names, key.fields, strict=True))}
    query |= {"spr": "https", "sv": VERSION, "sr": "c", "sig": base64.b64encode(digest).decode()}
    return f"{blobs.url(container)}?{urlencode(query)}"


def _key(blobs: BlobStore, start: str, end: str) -> _Key:
    asked = f"<KeyInfo><Start>{start}</Start><Expiry>{end}</Expiry></KeyInfo>"
    # The answer comes from the local storage service, not from users.
    found = ET.fromstring(blobs.delegation_key(asked))  # noqa: S314 - see above
    names = ("SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion")
    fields = tuple(found.findtext(name) or "" for name in names)
    return _Key(fields, base64.b64decode(found.findtext("Value") or ""))


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
