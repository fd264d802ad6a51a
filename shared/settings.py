"""The app's settings, read once from a mapping; every fault is named at once (docs/settings.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from shared.domain.errors import Misconfigured
from shared.domain.parameters import COMPONENT
from shared.domain.survey import Limits
from shared.domain.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = {
    "LISTING_SECONDS": "listing",
    "DROP_AGE_SECONDS": "drop_age",
    "OVERDUE_SECONDS": "overdue",
    "POLL_SECONDS": "poll",
    "POLL_SECONDS_MAX": "poll_max",
    "JOB_POLL_SECONDS": "job_poll",
    "JOB_POLL_SECONDS_MAX": "job_poll_max",
    "CLAIM_SECONDS": "claim",
}
LIMITS = {
    "ENDPOINTS_MAX": "endpoints",
    "DEPLOYMENTS_MAX": "deployments",
    "DEPLOYMENTS_PER_ENDPOINT_MAX": "deployments_beside",
}
# Azure ML's own of its fine-tune components: torch, transformers and mlflow are in it.
COMPARES = "azureml://registries/azureml/environments/acft-hf-nlp-gpu/labels/latest"
INSTALLATION = re.compile(r"[a-z0-9-]{3,40}")
URL = re.compile(r"https?://[^\s]+")
SECURE_URL = re.compile(r"https://[^\s]+")  # Azure's libraries send no token over plain HTTP
URL_OR_NONE = re.compile(r"(https?://[^\s]+)?")
SCHEDULE = re.compile(r"\S+( \S+){5}")
COMPONENT_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,254}")
RESOURCE = re.compile(r"(/subscriptions/[^/\s]+(/[^/\s]+)+)?")


@dataclass(frozen=True)
class Storage:
    """The storage account: service URLs with an identity, or a connection string."""

    blob_url: str | None
    queue_url: str | None
    connection_string: str | None

    @property
    def account(self) -> str:
        """The account's name: the first part of its address, or the path where an address has one."""
        text = self.blob_url or self.connection_string or ""
        named = re.search(r"AccountName=([^;]+)", text) or re.search(r"//[^/]+/([^/?]+)", text)
        found = named or re.search(r"//([^./:]+)", text)
        return found[1] if found else ""


@dataclass(frozen=True)
class AzureML:
    """The workspace, the registry its base models come from, and the datastore over `prepared`.

    jobs_identity: the ARM id of the user-assigned identity of clusters that the app makes; empty: none.
    environment: what the comparing step runs in.
    """

    subscription: str
    resource_group: str
    workspace: str
    registry: str
    datastore: str
    arm_url: str
    jobs_identity: str
    environment: str

    @property
    def workspace_id(self) -> str:
        """The workspace's ARM id."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace}"
        )


@dataclass(frozen=True)
class Parts:
    """What else belongs to the installation, by ARM id, for `droptune doctor` alone; empty: not told."""

    app: str
    drops_topic: str
    jobs_topic: str


@dataclass(frozen=True)
class Settings:
    """All that tells one installation from another."""

    storage: Storage
    azureml: AzureML
    timing: Timing
    installation: str
    prices_url: str
    metrics_url: str
    events_url: str
    events_key: str
    limits: Limits
    parts: Parts
    component: str


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings; raises Misconfigured naming every key that is missing or wrong."""
    reader = _Reader(environ)
    found = _read(reader)
    reader.raise_faults()
    return found


def known() -> dict[str, str | None]:
    """List every key that is read, with its default; None: it must be set."""
    reader = _Reader({})
    _read(reader)
    return reader.known


def _read(reader: _Reader) -> Settings:
    found = Settings(
        storage=_storage(reader),
        azureml=AzureML(
            subscription=reader.text("AZURE_SUBSCRIPTION_ID"),
            resource_group=reader.text("AZURE_RESOURCE_GROUP"),
            workspace=reader.text("AZUREML_WORKSPACE_NAME"),
            registry=reader.text("AZUREML_REGISTRY_NAME", "azureml"),
            datastore=reader.text("AZUREML_DATASTORE", "droptune_prepared"),
            arm_url=reader.shaped("ARM_URL", URL, "a URL", "https://management.azure.com"),
            jobs_identity=reader.shaped("AZUREML_JOBS_IDENTITY", RESOURCE, "a resource's id", ""),
            environment=reader.text("AZUREML_COMPARE_ENVIRONMENT", COMPARES),
        ),
        timing=_timing(reader),
        installation=reader.shaped(
            "DROPTUNE_INSTALLATION", INSTALLATION, "3 to 40 of a-z, 0-9 and dashes, as acme-prod"
        ),
        prices_url=reader.shaped("PRICES_URL", URL, "a URL", "https://prices.azure.com/api/retail/prices"),
        metrics_url=reader.shaped("METRICS_URL", URL, "a URL", "https://{region}.metrics.monitor.azure.com"),
        events_url=reader.shaped("EVENTS_TOPIC_URL", URL_OR_NONE, "a topic's endpoint", ""),
        events_key=reader.text("EVENTS_TOPIC_KEY", ""),
        limits=_limits(reader),
        parts=_parts(reader),
        component=reader.shaped("AZUREML_COMPONENT", COMPONENT_NAME, "a component's name", COMPONENT),
    )
    for schedule, default in (("RECONCILE_SCHEDULE", "0 * * * * *"), ("SWEEP_SCHEDULE", "0 */15 * * * *")):
        reader.shaped(schedule, SCHEDULE, f"six fields, as {default}", default)
    return found


def _storage(reader: _Reader) -> Storage:
    connection = reader.text("DROPTUNE_STORAGE", "")
    if connection:
        return Storage(None, None, connection)
    expected = "a service URL, as https://ACCOUNT.{}.core.windows.net"
    return Storage(
        reader.shaped("DROPTUNE_STORAGE__blobServiceUri", SECURE_URL, expected.format("blob")),
        reader.shaped("DROPTUNE_STORAGE__queueServiceUri", SECURE_URL, expected.format("queue")),
        None,
    )


def _timing(reader: _Reader) -> Timing:
    defaults = {field.name: float(str(field.default)) for field in fields(Timing)}
    return Timing(**{name: reader.seconds(key, defaults[name]) for key, name in SECONDS.items()})


def _limits(reader: _Reader) -> Limits:
    defaults = {field.name: int(str(field.default)) for field in fields(Limits)}
    return Limits(**{name: reader.count(key, defaults[name]) for key, name in LIMITS.items()})


def _parts(reader: _Reader) -> Parts:
    expected = "a resource's id, as /subscriptions/…/sites/NAME"
    keys = ("DROPTUNE_APP_ID", "DROPTUNE_DROPS_TOPIC_ID", "DROPTUNE_JOBS_TOPIC_ID")
    return Parts(*(reader.shaped(key, RESOURCE, expected, "") for key in keys))


class _Reader:
    """Reads keys and collects what is wrong with them; an empty value is no value."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._faults: list[str] = []
        self.known: dict[str, str | None] = {}

    def _value(self, key: str, default: str | None) -> str:
        self.known[key] = default
        return self._environ.get(key, "").strip()

    def text(self, key: str, default: str | None = None) -> str:
        value = self._value(key, default)
        if value or default is not None:
            return value or default or ""
        self._faults.append(f"{key} is not set")
        return ""

    def shaped(self, key: str, shape: re.Pattern[str], expected: str, default: str | None = None) -> str:
        value = self._value(key, default) or default
        if value is None:
            self._faults.append(f"{key} is not set, expected {expected}")
        elif not shape.fullmatch(value):
            self._faults.append(f"{key} is {value!r}, expected {expected}")
        return value or ""

    def seconds(self, key: str, default: float) -> float:
        value = self._value(key, f"{default:g}")
        try:
            number = float(value) if value else default
        except ValueError:
            number = -1.0
        if not 0 < number < float("inf"):
            self._faults.append(f"{key} is {value!r}, expected seconds above 0, as {default:g}")
        return number

    def count(self, key: str, default: int) -> int:
        value = self._value(key, str(default)) or str(default)
        if value.isdecimal() and int(value) > 0:
            return int(value)
        self._faults.append(f"{key} is {value!r}, expected a number above 0, as {default}")
        return default

    def raise_faults(self) -> None:
        if self._faults:
            raise Misconfigured(
                "settings",
                "; ".join(self._faults) + ".",
                "docs/settings.md tells what each setting means. Set it in the Function App, or in a file: "
                "droptune runs --env-file FILE",
            )
