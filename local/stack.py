"""The local stack: Azurite, the Azure ML emulator, the functions host, the event relay.

`python -m local.stack up [--detach] | down | env [--unset]`; tests use `Stack` with a folder of their own.
Ports, keys and the installation's id are chosen once and kept, so that state survives a restart.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from local import processes, tls
from local.azurite_server import find_azurite
from local.functions_host import keys
from local.processes import Child

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".droptune"
ORDER = ("azurite", "azureml", "host", "relay")
PORTS = ("blob", "queue", "azureml", "msi", "host", "relay")
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
NAME = "droptune-local"
WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NAME}"
    f"/providers/Microsoft.MachineLearningServices/workspaces/{NAME}"
)
STORAGE_TOPIC = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NAME}"
    "/providers/Microsoft.Storage/storageAccounts/devstoreaccount1"
)
CLUSTER = "gpu-cluster=Standard_NC24ads_A100_v4"
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


class Stack:
    """One stack in one folder. settings: the app's settings that differ from the local defaults."""

    def __init__(
        self,
        home: Path,
        *,
        foundation: str = "small",
        settings: Mapping[str, str] | None = None,
        recipes: Path = ROOT / "recipes",
    ) -> None:
        self.home, self._foundation, self._recipes = home, foundation, recipes
        self._settings = {**DELAYS, **(settings or {})}
        home.mkdir(parents=True, exist_ok=True)
        self._certificates = tls.certificates(home / "tls")
        self._keys = keys.load(home / "keys.json")
        self._ports = self._choose_ports()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

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
            **self._settings,
        }

    def url(self, name: str) -> str:
        """Give the address of a part: blob, queue, azureml, host, relay."""
        port = self._ports[name]
        if name in {"blob", "queue"}:
            return f"https://127.0.0.1:{port}/devstoreaccount1"
        return f"https://localhost:{port}" if name == "azureml" else f"http://127.0.0.1:{port}"

    def logs(self, name: str) -> Path:
        """Give the log file of a process."""
        return self.home / "logs" / f"{name}.log"

    def running(self) -> dict[str, Child]:
        """Find the processes of this stack that live."""
        path = self.home / "stack.json"
        saved = json.loads(path.read_text()) if path.exists() else {}
        found = {name: Child(name, one["pid"], one["born"]) for name, one in saved.items()}
        return {name: child for name, child in found.items() if child.alive()}

    def start(self) -> bool:
        """Start what is not running and wait until all is ready; tell whether all was running already."""
        children = self.running()
        missing = [name for name in ORDER if name not in children]
        try:
            for name in ("azurite", "azureml"):
                if name in missing:
                    self._start(name, children)
            if {"azurite", "azureml"} & set(missing):
                self._provision()
            for name in ("host", "relay"):
                if name in missing:
                    self._start(name, children)
        except BaseException:
            for name in missing:
                if name in children:
                    children[name].end(kill=True)
            raise
        env_file = self.home / "env"
        env_file.write_text("".join(f"{key}={value}\n" for key, value in self.settings.items()))
        env_file.chmod(0o600)
        return not missing

    def stop(self) -> list[str]:
        """End every process, the last started first; name those that were ended."""
        children = self.running()
        ended = [name for name in reversed(ORDER) if name in children]
        for name in ended:
            children[name].end()
        self._save({})
        return ended

    def kill(self, name: str) -> None:
        """End one process with SIGKILL."""
        self.running()[name].end(kill=True)

    def _start(self, name: str, children: dict[str, Child]) -> None:
        log = self.logs(name)
        offset = log.stat().st_size if log.exists() else 0
        child = processes.start(name, self._command(name), self.env, log, ROOT)
        children[name] = child
        self._save(children)
        wanted = "Table service is successfully listening" if name == "azurite" else '"ready": true'
        processes.await_line(child, log, offset, wanted)

    def _provision(self) -> None:
        command = [sys.executable, "-m", "local.provision", str(self._recipes)]
        done = subprocess.run(command, env=self.env, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise processes.NotReady(f"Containers and recipes could not be made:\n{done.stderr[-2000:]}")

    def _command(self, name: str) -> list[str]:
        return {
            "azurite": self._azurite,
            "azureml": self._azureml,
            "host": self._host,
            "relay": self._relay,
        }[name]()

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
        flags = ["--skipApiVersionCheck", "--silent", "--disableTelemetry"]
        return [*find_azurite(), *(str(part) for pair in options.items() for part in pair), *flags]

    def _azureml(self) -> list[str]:
        events = self._webhook("EventGrid", "job_finished", self._keys.system["eventgrid_extension"])
        options = {
            "--state": self.home / "azureml",
            "--cert": self._certificates.cert,
            "--key": self._certificates.key,
            "--ca-bundle": self._certificates.bundle,
            "--blob-url": self.url("blob"),
            "--models": HOME / "models",
            "--foundation": self._foundation,
            "--datastore": "droptune_prepared=prepared",
            "--compute": CLUSTER,
            "--port": self._ports["azureml"],
            "--msi-port": self._ports["msi"],
            "--subscription": SUBSCRIPTION,
            "--group": NAME,
            "--workspace": NAME,
            "--events-url": events,
        }
        pairs = (str(part) for pair in options.items() for part in pair)
        return [sys.executable, "-m", "local.azureml", *pairs]

    def _host(self) -> list[str]:
        options = {
            "--port": self._ports["host"],
            "--keys": self.home / "keys.json",
            "--queue-lease-seconds": 15,
        }
        pairs = (str(part) for pair in options.items() for part in pair)
        return [sys.executable, "-m", "local.functions_host", "--app-dir", str(ROOT), *pairs]

    def _relay(self) -> list[str]:
        url = self._webhook("blobs", "Host.Functions.dataset_uploaded", self._keys.system["blobs_extension"])
        options = {
            "--blob-url": self.url("blob"),
            "--container": "datasets",
            "--topic-id": STORAGE_TOPIC,
            "--subscribe": f"datasets={url}",
            "--state": self.home / "relay.json",
            "--port": self._ports["relay"],
        }
        return [
            sys.executable,
            "-m",
            "local.eventgrid",
            *(str(part) for pair in options.items() for part in pair),
        ]

    def _webhook(self, extension: str, function: str, key: str) -> str:
        return f"{self.url('host')}/runtime/webhooks/{extension}?functionName={function}&code={key}"

    def _installation(self) -> str:
        path = self.home / "installation"
        if not path.exists():
            path.write_text(f"local-{secrets.token_hex(4)}")
        return path.read_text()

    def _choose_ports(self) -> dict[str, int]:
        """Choose ports once; later starts keep them, unless another program has taken one meanwhile."""
        path = self.home / "ports.json"
        saved: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        if not (saved and self.running()):
            saved = {name: processes.free_port(saved.get(name)) for name in PORTS}
            path.write_text(json.dumps(saved))
        return saved

    def _save(self, children: Mapping[str, Child]) -> None:
        plain = {name: {"pid": child.pid, "born": child.born} for name, child in children.items()}
        (self.home / "stack.json").write_text(json.dumps(plain))


def main(argv: Sequence[str] | None = None) -> int:
    """Start, end or describe the stack of this checkout."""
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__)
    words = parser.add_subparsers(dest="word", required=True)
    words.add_parser("up").add_argument("--detach", action="store_true", help="return when all is ready")
    words.add_parser("down")
    words.add_parser("env").add_argument("--unset", action="store_true", help="print unset lines")
    args = parser.parse_args(argv)
    stack = Stack(HOME)
    try:
        return {"up": _up, "down": _down, "env": _env}[args.word](stack, args)
    except (processes.NotReady, FileNotFoundError) as fault:
        print(f"dev.py: {fault}", file=sys.stderr)
        return 1


def _up(stack: Stack, args: argparse.Namespace) -> int:
    begun = time.monotonic()
    was = stack.start()
    print(f"The local stack {'was running' if was else f'is up after {time.monotonic() - begun:.1f} s'}:")
    for name in ("azureml", "blob", "queue", "host", "relay"):
        print(f"  {name:<8} {stack.url(name)}")
    print(
        f"Logs: {stack.logs('host').parent}. Drop a file: .venv/bin/droptune drop FILE --recipe RECIPE --wait"
    )
    if args.detach:
        return 0
    print("Ctrl-C ends it.", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while len(stack.running()) == len(ORDER):
            time.sleep(1)
        missing = ", ".join(sorted(set(ORDER) - set(stack.running())))
        print(
            f"dev.py: {missing} has ended; see {stack.home / 'logs'}. Start it again: python3 dev.py up",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        print()
    ended = stack.stop()
    print(f"ended: {', '.join(ended) or 'nothing'}")
    return 0


def _down(stack: Stack, _args: argparse.Namespace) -> int:
    print(f"ended: {', '.join(stack.stop()) or 'nothing was running'}")
    return 0


def _env(stack: Stack, args: argparse.Namespace) -> int:
    if not args.unset and len(stack.running()) < len(ORDER):
        print("dev.py: the local stack is not running. Start it: python3 dev.py up --detach", file=sys.stderr)
        return 1
    token: dict[str, Any] = {"MLFLOW_TRACKING_TOKEN": _token(stack)} if not args.unset else {}
    for key, value in {**stack.settings, **token}.items():
        print(f"unset {key}" if args.unset else f"export {key}={shlex.quote(value)}")
    if args.unset:
        print("unset MLFLOW_TRACKING_TOKEN")
    return 0


def _token(stack: Stack) -> str:
    import httpx

    where = stack.settings["IDENTITY_ENDPOINT"]
    asked = {"api-version": "2019-08-01", "resource": stack.url("azureml")}
    answer = httpx.get(where, params=asked, headers={"X-IDENTITY-HEADER": "local"}, trust_env=False)
    return str(answer.raise_for_status().json()["access_token"])


if __name__ == "__main__":
    sys.exit(main())
