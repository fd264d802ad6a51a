"""Where the parts of a local stack listen, what each is started with, and the settings that lead to them."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local import neighbours, processes, tls
from local.azurite_server import find_azurite
from local.functions_host import keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".droptune"
ORDER = ("azurite", "azureml", "host", "relay")
SECOND = "host-2"  # another instance of the app, where a stack has two
PORTS = ("blob", "queue", "azureml", "msi", "host", "relay", SECOND)
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
NAME = "droptune-local"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NAME}"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/{NAME}"
STORAGE_TOPIC = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/devstoreaccount1"
CLUSTERS = ("gpu-cluster=Standard_NC24ads_A100_v4", "cpu-cluster=Standard_DS3_v2")
DELAYS = {
    "RECONCILE_SCHEDULE": "*/5 * * * * *",
    "SWEEP_SCHEDULE": "*/20 * * * * *",
    "LISTING_SECONDS": "10",
    "DROP_AGE_SECONDS": "10",
    "OVERDUE_SECONDS": "10",
    "POLL_SECONDS": "1",
    "POLL_SECONDS_MAX": "5",
    "JOB_POLL_SECONDS": "5",
    "JOB_POLL_SECONDS_MAX": "15",
    "CLAIM_SECONDS": "30",
}


@dataclass(frozen=True)
class Extent:
    """What a stack has beyond the usual.

    second_host: another instance of the app over the same storage, which gets every event too;
    access_log: Azurite writes a line for each request.
    """

    second_host: bool = False
    access_log: bool = False


USUAL = Extent()


class Layout:
    """One stack's folder. ports: of each in PORTS; delays: settings of the app's.

    more: further options of the Azure ML emulator.
    """

    def __init__(
        self,
        home: Path,
        ports: Mapping[str, int],
        foundation: str,
        delays: Mapping[str, str],
        more: Sequence[str] = (),
        extent: Extent = USUAL,
    ) -> None:
        self._more, self._extent = list(more), extent
        self.home, self._ports, self._foundation, self._settings = home, ports, foundation, delays
        self._certificates = tls.certificates(home / "tls")
        self._keys = keys.load(home / "keys.json")

    @property
    def env(self) -> dict[str, str]:
        """The environment in which any program talks to this stack: the app, the SDK, MLflow."""
        return {**os.environ, **self.settings}  # noqa: TID251 - a program's edge

    @property
    def settings(self) -> dict[str, str]:
        """What `.droptune/env` holds."""
        azureml = self.url("azureml")
        blob, queue = self.url("blob"), self.url("queue")
        return {
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "AZURE_RESOURCE_GROUP": NAME,
            "AZUREML_WORKSPACE_NAME": NAME,
            "AZUREML_REGISTRY_NAME": "azureml",
            "ARM_URL": azureml,
            "PRICES_URL": f"{azureml}/api/retail/prices",
            "METRICS_URL": f"{azureml}/metrics",
            "EVENTS_TOPIC_URL": f"{self.url('relay')}/api/events",
            "EVENTS_TOPIC_KEY": "any",
            "DROPTUNE_STORAGE__blobServiceUri": blob,
            "DROPTUNE_STORAGE__queueServiceUri": queue,
            "AzureWebJobsStorage__blobServiceUri": blob,
            "AzureWebJobsStorage__queueServiceUri": queue,
            "DROPTUNE_INSTALLATION": self._installation(),
            "DROPTUNE_URL": self.url("host"),
            "ARM_CLOUD_METADATA_URL": f"{azureml}/metadata/endpoints?api-version=2019-05-01",
            "AZUREML_CURRENT_CLOUD": "LocalCloud",
            "REGISTRY_DISCOVERY_ENDPOINT_URL": f"{azureml}/",
            "REQUESTS_CA_BUNDLE": str(self._certificates.bundle),
            "NODE_EXTRA_CA_CERTS": str(self._certificates.ca),
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{self._ports['msi']}/msi/token",
            "IDENTITY_HEADER": "local",
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "MLFLOW_TRACKING_URI": f"{azureml}/mlflow/v2.0{WORKSPACE}",
            **neighbours.ids(GROUP),
            **self._settings,
        }

    def url(self, name: str) -> str:
        """Give the address of a part: blob, queue, azureml, host, host-2, relay."""
        port = self._ports[name]
        if name in {"blob", "queue"}:
            return f"https://127.0.0.1:{port}/devstoreaccount1"
        return f"https://localhost:{port}" if name == "azureml" else f"http://127.0.0.1:{port}"

    @property
    def foundation(self) -> Path:
        """The folder of the small model that every base model stands on here."""
        return HOME / "models" / self._foundation

    def logs(self, name: str) -> Path:
        """Give the log file of a process."""
        return self.home / "logs" / f"{name}.log"

    @property
    def order(self) -> tuple[str, ...]:
        """Name the processes, in the order of their start."""
        return (*ORDER[:-1], SECOND, ORDER[-1]) if self._extent.second_host else ORDER

    @property
    def _hosts(self) -> tuple[str, ...]:
        return tuple(name for name in self.order if name in {"host", SECOND})

    def command(self, name: str) -> list[str]:
        """Give the command line of a process."""
        if name in self._hosts:
            return self._host(name)
        return {"azurite": self._azurite, "azureml": self._azureml, "relay": self._relay}[name]()

    def _azurite(self) -> list[str]:
        options = {
            "--location": self.home / "storage",
            "--cert": self._certificates.cert,
            "--key": self._certificates.key,
            "--oauth": "basic",
            "--blobPort": self._ports["blob"],
            "--queuePort": self._ports["queue"],
            "--tablePort": processes.free_port(None),
        }
        flags = ["--skipApiVersionCheck", "--disableTelemetry"]
        flags += [] if self._extent.access_log else ["--silent"]
        return [*find_azurite(), *(str(part) for pair in options.items() for part in pair), *flags]

    def _azureml(self) -> list[str]:
        declared = self.home / "neighbours.json"
        neighbours.declare(declared, GROUP, self.url("host"), STORAGE_TOPIC, WORKSPACE)
        options = {
            "--state": self.home / "azureml",
            "--neighbours": declared,
            "--cert": self._certificates.cert,
            "--key": self._certificates.key,
            "--ca-bundle": self._certificates.bundle,
            "--blob-url": self.url("blob"),
            "--models": HOME / "models",
            "--foundation": self._foundation,
            "--datastore": "droptune_prepared=prepared",
            "--port": self._ports["azureml"],
            "--msi-port": self._ports["msi"],
            "--subscription": SUBSCRIPTION,
            "--group": NAME,
            "--workspace": NAME,
        }
        pairs = (str(part) for pair in options.items() for part in pair)
        clusters = [part for cluster in CLUSTERS for part in ("--compute", cluster)]
        told = self._subscribed("EventGrid", "EventGrid", "job_finished", "eventgrid_extension")
        return [sys.executable, "-m", "local.azureml", *pairs, *clusters, *told, *self._more]

    def _host(self, name: str) -> list[str]:
        options = {
            "--port": self._ports[name],
            "--keys": self.home / "keys.json",
            "--queue-lease-seconds": 15,
        }
        pairs = (str(part) for pair in options.items() for part in pair)
        return [sys.executable, "-m", "local.functions_host", "--app-dir", str(ROOT), *pairs]

    def _relay(self) -> list[str]:
        options = {
            "--blob-url": self.url("blob"),
            "--container": "datasets",
            "--topic-id": STORAGE_TOPIC,
            "--state": self.home / "relay.json",
            "--port": self._ports["relay"],
        }
        pairs = (str(part) for pair in options.items() for part in pair)
        told = self._subscribed("datasets", "blobs", "Host.Functions.dataset_uploaded", "blobs_extension")
        return [sys.executable, "-m", "local.eventgrid", *pairs, *told]

    def _subscribed(self, name: str, extension: str, function: str, key: str) -> list[str]:
        """Subscribe a function of each host; the first host's subscription has the name itself."""
        path = f"/runtime/webhooks/{extension}?functionName={function}&code={self._keys.system[key]}"
        pairs = {host.replace("host", name): self.url(host) + path for host in self._hosts}
        return [part for pair in pairs.items() for part in ("--subscribe", "=".join(pair))]

    def _installation(self) -> str:
        path = self.home / "installation"
        if not path.exists():
            path.write_text(f"local-{secrets.token_hex(4)}")
        return path.read_text()
