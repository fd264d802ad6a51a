"""Uploads of code: each snapshot gets a container of its own, and a link to write into it."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from local.azureml.errors import bad_request
from local.azureml.sas import container_link
from local.azureml.web import WS, Answer, Way
from local.azureml.wire import check_asset_name

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.blobstore import BlobStore
    from local.azureml.settings import Settings
    from local.azureml.web import Call

_PREFIX = "code-"


class Codes:
    """Hands out places for code, and brings code to where it runs."""

    def __init__(self, settings: Settings, blobs: BlobStore) -> None:
        """Make containers in the account of `settings`."""
        self._settings = settings
        self._blobs = blobs

    def ways(self) -> list[Way]:
        """Return the route; the versions themselves are assets like others."""
        one = f"{WS}/codes/{{name}}/versions/{{version}}"
        return [Way("POST", f"{one}/startPendingUpload", self._start)]

    def _start(self, call: Call) -> Answer:
        check_asset_name("a code asset", call.path["name"])
        kind = (call.json() if call.content else {}).get("pendingUploadType", "TemporaryBlobReference")
        if kind != "TemporaryBlobReference":
            raise bad_request(f"pendingUploadType must be TemporaryBlobReference; found {kind}.")
        container = f"{_PREFIX}{uuid.uuid4().hex}"
        self._blobs.ensure_container(container)
        link = container_link(self._blobs, self._settings.account, container)
        reference = {
            "blobUri": self._blobs.url(container),
            "storageAccountArmId": "",
            "credential": {"credentialType": "SAS", "sasUri": link},
        }
        body = {
            "blobReferenceForConsumption": reference,
            "pendingUploadId": str(uuid.uuid4()),
            "pendingUploadType": kind,
        }
        return Answer(body=body)

    def fetch(self, uri: str, target: Path) -> int:
        """Download the code at `uri` into `target`; return how many files there were.

        Raises:
            AzureError: 400, when the URI is none of this account's.
            BlobFailure: Blob Storage refused.

        """
        container, prefix = self._split(uri)
        count = 0
        for name in self._blobs.list(container, prefix):
            relative = name.removeprefix(prefix)
            if ".." in relative.split("/"):
                raise bad_request(f"The blob '{name}' would be written outside its folder.")
            self._blobs.download(container, name, target / relative)
            count += 1
        return count

    def _split(self, uri: str) -> tuple[str, str]:
        """Return container and prefix: the SDK writes the account in more than one way."""
        path = re.sub(r"^https://[^/]+/", "", uri.partition("?")[0])
        path = path.removeprefix(f"{self._settings.account}/")
        container, _, prefix = path.partition("/")
        if not uri.startswith("https://") or not container:
            raise bad_request(f"'{uri}' is no place of code in this workspace's storage account.")
        return container, f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
