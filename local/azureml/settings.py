"""What one emulator is started with."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

PROVIDER = "Microsoft.MachineLearningServices"


@dataclass(frozen=True)
class Place:
    """The workspace that this emulator is: subscription, resource group, name and region."""

    subscription: str = "00000000-0000-0000-0000-000000000001"
    group: str = "droptune-local"
    workspace: str = "droptune-local"
    location: str = "eastus2"
    tenant: str = "00000000-0000-0000-0000-0000000000aa"

    @property
    def group_id(self) -> str:
        """The resource group's ARM id."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def id(self) -> str:
        """The workspace's ARM id."""
        return f"{self.group_id}/providers/{PROVIDER}/workspaces/{self.workspace}"

    @property
    def region_id(self) -> str:
        """The path under which the region's operations are found."""
        return f"/subscriptions/{self.subscription}/providers/{PROVIDER}/locations/{self.location}"


@dataclass(frozen=True)
class Limits:
    """Times in seconds, and how many jobs run at once."""

    jobs_at_once: int = 2
    server_start: float = 600
    child_stop: float = 8


@dataclass(frozen=True)
class Settings:
    """Everything that the command line says; `url` and `msi_url` are known once the ports are bound."""

    state: Path
    blob_url: str
    models: Path
    url: str
    msi_url: str
    trainer: tuple[str, ...]
    foundation: str = "small"
    ca_bundle: Path | None = None
    neighbours: Path | None = None
    place: Place = field(default_factory=Place)
    limits: Limits = field(default_factory=Limits)
    datastores: tuple[tuple[str, str], ...] = ()
    computes: tuple[tuple[str, str], ...] = ()
    subscriptions: tuple[tuple[str, str], ...] = ()
    in_memory: bool = False
    python: Path = field(default_factory=lambda: Path(sys.executable))
    archived_latest: bool = False
    noop: bool = False
    quiet_failures: bool = False

    @property
    def account(self) -> str:
        """The storage account's name: the blob URL's path, or its host's first label."""
        parts = urlsplit(self.blob_url)
        return parts.path.strip("/") or (parts.hostname or "").split(".")[0]

    @property
    def storage_suffix(self) -> str:
        """The cloud's storage suffix.

        The SDK builds `https://{account}.blob.{suffix}`. Everything before the `@` is a user name
        to the HTTP client and ignored, so that any account name reaches the one local account.
        """
        parts = urlsplit(self.blob_url)
        return f"x@{parts.netloc}{parts.path.rstrip('/')}"
