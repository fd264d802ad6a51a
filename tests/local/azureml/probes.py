"""One probe for each public method of MLClient's groups: it calls the method and looks at what that did.

A probe that returns has worked. One that raises a 501 found something that this emulator names as missing.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from tests.local.azureml.commands import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = "Standard_NC24ads_A100_v4"
SCRIPT = "def run(text):\n    return 'heard ' + text\n"


class World:
    """A client, a folder to work in, and what the probes need to be there."""

    def __init__(self, client: Any, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.tag = uuid.uuid4().hex[:6]
        (folder / "data.csv").write_text("a\n1\n")
        (folder / "score").mkdir()
        (folder / "score" / "score.py").write_text(SCRIPT)
        (folder / "request.json").write_text('"hello"')
        self.job = self.ended("echo > ${{outputs.out}}/x")
        self.model = client.models.create_or_update(self.new_model("m"))
        self.data = client.data.create_or_update(self.new_data("d"))
        self.component = client.components.create_or_update(self.new_component("c"))
        self.cluster = client.compute.begin_create_or_update(self.new_cluster("k")).result()
        self.endpoint = client.online_endpoints.begin_create_or_update(self.new_endpoint("e")).result()
        self.deployment = client.online_deployments.begin_create_or_update(
            self.new_deployment("blue")
        ).result()

    def name(self, prefix: str) -> str:
        return f"{prefix}{self.tag}"

    def new_job(self, text: str) -> Any:
        from azure.ai.ml import Output, command  # noqa: TID251 - the SDK under test

        outputs = {"out": Output(type="uri_folder")} if "outputs.out" in text else {}
        return command(command=text, environment=ENVIRONMENT, outputs=outputs, experiment_name="census")

    def ended(self, text: str) -> Any:
        job = self.client.jobs.create_or_update(self.new_job(text))
        self.client.jobs.stream(job.name)
        return self.client.jobs.get(job.name)

    def new_model(self, prefix: str) -> Any:
        from azure.ai.ml.entities import Model  # noqa: TID251

        return Model(name=self.name(prefix), path=str(self.folder / "data.csv"), type="custom_model")

    def new_data(self, prefix: str) -> Any:
        from azure.ai.ml.entities import Data  # noqa: TID251

        return Data(name=self.name(prefix), path=str(self.folder / "data.csv"), type="uri_file", version="1")

    def new_component(self, prefix: str) -> Any:
        from azure.ai.ml.entities import CommandComponent  # noqa: TID251

        return CommandComponent(
            name=self.name(prefix),
            command="ls",
            environment=ENVIRONMENT,
            version="1",
            code=str(self.folder / "score"),
        )

    def new_cluster(self, prefix: str) -> Any:
        from azure.ai.ml.entities import AmlCompute  # noqa: TID251

        return AmlCompute(name=self.name(prefix), size=SIZE, max_instances=2)

    def new_endpoint(self, prefix: str) -> Any:
        from azure.ai.ml.entities import ManagedOnlineEndpoint  # noqa: TID251

        return ManagedOnlineEndpoint(name=self.name(f"census-{prefix}-"))

    def new_deployment(self, name: str) -> Any:
        from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment  # noqa: TID251

        return ManagedOnlineDeployment(
            name=name,
            endpoint_name=self.endpoint.name,
            model=self.model.id,
            code_configuration=CodeConfiguration(code=str(self.folder / "score"), scoring_script="score.py"),
            instance_type=SIZE,
            instance_count=1,
        )


def names(found: Any) -> list[str]:
    return [one.name for one in found if one]


def archived(group: Any, name: str, **version: str) -> None:
    group.archive(name, **version)
    listed = [one.version for one in group.list(name)] if version else names(group.list())
    assert (version["version"] if version else name) not in listed
    group.restore(name, **version)
    listed = [one.version for one in group.list(name)] if version else names(group.list())
    assert (version["version"] if version else name) in listed


def equal(found: Any, wanted: Any) -> None:
    assert found == wanted, f"{found!r} is not {wanted!r}"


def job_probes(w: World) -> dict[str, Callable[[], Any]]:
    jobs = w.client.jobs

    def download() -> None:
        jobs.download(w.job.name, download_path=w.folder / "down", all=True)
        assert (w.folder / "down" / "named-outputs" / "out" / "x").is_file()

    def cancel() -> None:
        job = jobs.create_or_update(w.new_job("sleep 60"))
        jobs.begin_cancel(job.name).result()
        equal(jobs.get(job.name).status, "Canceled")

    def delete() -> None:
        job = w.ended("true")
        jobs.begin_delete(job.name).result()
        assert job.name not in names(jobs.list())

    return {
        "archive": lambda: archived(jobs, w.job.name),
        "restore": lambda: archived(jobs, w.job.name),
        "begin_cancel": cancel,
        "begin_delete": delete,
        "create_or_update": lambda: equal(w.job.status, "Completed"),
        "download": download,
        "get": lambda: equal(jobs.get(w.job.name).command, w.job.command),
        "list": lambda: names(jobs.list()).index(w.job.name),
        "show_services": lambda: equal(jobs.show_services(w.job.name), None),
        "stream": lambda: jobs.stream(w.job.name),
        "update": lambda: equal(jobs.update(w.job.name, tags={"z": "1"}).tags["z"], "1"),
        "validate": lambda: equal(jobs.validate(w.new_job("ls")).passed, True),  # noqa: FBT003 - a value
    }


def asset_probes(w: World) -> dict[str, dict[str, Callable[[], Any]]]:
    from azure.ai.ml import dsl  # noqa: F401, TID251 - the SDK's own lazy parts
    from azure.ai.ml.data_transfer import Database  # noqa: TID251
    from azure.ai.ml.entities import (  # noqa: TID251
        AzureMLOnlineInferencingServer,
        CodeConfiguration,
        DataImport,
        ModelPackage,
    )

    c = w.client
    shared = {"share_with_name": "a", "share_with_version": "1", "registry_name": "azureml"}
    code = CodeConfiguration(code=str(w.folder / "score"), scoring_script="score.py")
    package = ModelPackage(
        target_environment="t", inferencing_server=AzureMLOnlineInferencingServer(code_configuration=code)
    )
    imported = DataImport(
        name="s",
        source=Database(connection="azureml:x", query="q"),
        path="azureml://datastores/workspaceblobstore/paths/x/${{name}}",
    )

    def download() -> None:
        c.models.download(w.model.name, w.model.version, download_path=w.folder / "model")
        assert list((w.folder / "model").rglob("data.csv"))

    return {
        "models": {
            "archive": lambda: archived(c.models, w.model.name, version="1"),
            "restore": lambda: archived(c.models, w.model.name),
            "create_or_update": lambda: equal(c.models.create_or_update(w.new_model("m")).version, "2"),
            "download": download,
            "get": lambda: equal(c.models.get(w.model.name, version="1").path, w.model.path),
            "list": lambda: names(c.models.list()).index(w.model.name),
            "package": lambda: c.models.package(w.model.name, "1", package),
            "share": lambda: c.models.share(w.model.name, "1", **shared),
        },
        "data": {
            "archive": lambda: archived(c.data, w.data.name, version="1"),
            "restore": lambda: archived(c.data, w.data.name),
            "create_or_update": lambda: equal(w.data.type, "uri_file"),
            "get": lambda: equal(c.data.get(w.data.name, version="1").path, w.data.path),
            "import_data": lambda: c.data.import_data(imported),
            "list": lambda: names(c.data.list()).index(w.data.name),
            "list_materialization_status": lambda: list(c.data.list_materialization_status(w.data.name)),
            "mount": lambda: c.data.mount(f"azureml:{w.data.name}:1"),
            "share": lambda: c.data.share(w.data.name, "1", **shared),
        },
        "components": {
            "archive": lambda: archived(c.components, w.component.name, version="1"),
            "restore": lambda: archived(c.components, w.component.name),
            "create_or_update": lambda: equal(w.component.command, "ls"),
            "download": lambda: c.components.download(w.component.name, w.folder / "component", version="1"),
            "get": lambda: equal(c.components.get(w.component.name).command, "ls"),
            "list": lambda: names(c.components.list()).index(w.component.name),
            "prepare_for_sign": lambda: c.components.prepare_for_sign(w.new_component("p")),
            "validate": lambda: equal(c.components.validate(w.new_component("v")).passed, True),  # noqa: FBT003
        },
    }


def compute_probes(w: World) -> dict[str, Callable[[], Any]]:
    from azure.ai.ml.entities import VirtualMachineCompute, VirtualMachineSshSettings  # noqa: TID251

    compute, name = w.client.compute, w.cluster.name
    machine = "/subscriptions/x/resourceGroups/y/providers/Microsoft.Compute/virtualMachines/z"
    attached = VirtualMachineCompute(
        name="vm-x", resource_id=machine, ssh_settings=VirtualMachineSshSettings(admin_username="a")
    )

    def update() -> None:
        larger = w.new_cluster("k")
        larger.max_instances = 3
        equal(compute.begin_update(larger).result().max_instances, 3)

    def delete() -> None:
        made = compute.begin_create_or_update(w.new_cluster("g")).result()
        compute.begin_delete(made.name).wait()
        assert made.name not in names(compute.list())

    return {
        "begin_attach": lambda: compute.begin_attach(attached).result(),
        "begin_create_or_update": lambda: equal(w.cluster.provisioning_state, "Succeeded"),
        "begin_delete": delete,
        "begin_restart": lambda: compute.begin_restart(name).result(),
        "begin_start": lambda: compute.begin_start(name).result(),
        "begin_stop": lambda: compute.begin_stop(name).result(),
        "begin_update": update,
        "enable_sso": lambda: compute.enable_sso(name=name),
        "get": lambda: equal(compute.get(name).size, SIZE),
        "list": lambda: names(compute.list()).index(name),
        "list_nodes": lambda: equal(list(compute.list_nodes(name)), []),
        "list_sizes": lambda: equal(
            {size.name: size.gpus for size in compute.list_sizes()}["Standard_NC48ads_A100_v4"], 2
        ),
        "list_usage": lambda: [u for u in compute.list_usage() if u.limit][0],  # noqa: RUF015 - any will do
    }


def serving_probes(w: World) -> dict[str, dict[str, Callable[[], Any]]]:
    c, name = w.client, w.endpoint.name
    request = str(w.folder / "request.json")

    def regenerate() -> None:
        before = c.online_endpoints.get_keys(name).secondary_key
        c.online_endpoints.begin_regenerate_keys(name, key_type="secondary").result()
        assert c.online_endpoints.get_keys(name).secondary_key != before

    def delete_endpoint() -> None:
        made = c.online_endpoints.begin_create_or_update(w.new_endpoint("x")).result()
        c.online_endpoints.begin_delete(made.name).wait()
        assert made.name not in names(c.online_endpoints.list())

    def delete_deployment() -> None:
        c.online_deployments.begin_create_or_update(w.new_deployment("green")).result()
        c.online_deployments.begin_delete("green", name).wait()
        equal(names(c.online_deployments.list(name)), ["blue"])

    return {
        "online_endpoints": {
            "begin_create_or_update": lambda: equal(w.endpoint.provisioning_state, "Succeeded"),
            "begin_delete": delete_endpoint,
            "begin_regenerate_keys": regenerate,
            "get": lambda: equal(c.online_endpoints.get(name).scoring_uri, w.endpoint.scoring_uri),
            "get_keys": lambda: equal(len(c.online_endpoints.get_keys(name).primary_key), 32),
            "invoke": lambda: equal(
                c.online_endpoints.invoke(name, request_file=request, deployment_name="blue"),
                '"heard \\"hello\\""',
            ),
            "list": lambda: names(c.online_endpoints.list()).index(name),
        },
        "online_deployments": {
            "begin_create_or_update": lambda: equal(w.deployment.provisioning_state, "Succeeded"),
            "begin_delete": delete_deployment,
            "get": lambda: equal(c.online_deployments.get("blue", name).instance_type, SIZE),
            "get_logs": lambda: c.online_deployments.get_logs("blue", name, lines=9).index("ready on port"),
            "list": lambda: equal(names(c.online_deployments.list(name)), ["blue"]),
        },
    }


def batch_probes(w: World) -> dict[str, dict[str, Callable[[], Any]]]:
    from azure.ai.ml.entities import BatchDeployment, BatchEndpoint  # noqa: TID251

    c = w.client
    deployment = BatchDeployment(name="d", endpoint_name="batch", model=w.model.id, compute=w.cluster.name)
    return {
        "batch_endpoints": {
            "begin_create_or_update": lambda: c.batch_endpoints.begin_create_or_update(
                BatchEndpoint(name="batch")
            ).result(),
            "begin_delete": lambda: c.batch_endpoints.begin_delete("batch").result(),
            "get": lambda: c.batch_endpoints.get("batch"),
            "invoke": lambda: c.batch_endpoints.invoke("batch"),
            "list": lambda: list(c.batch_endpoints.list()),
            "list_jobs": lambda: list(c.batch_endpoints.list_jobs("batch")),
        },
        "batch_deployments": {
            "begin_create_or_update": lambda: c.batch_deployments.begin_create_or_update(deployment).result(),
            "begin_delete": lambda: c.batch_deployments.begin_delete("d", "batch").result(),
            "get": lambda: c.batch_deployments.get("d", "batch"),
            "list": lambda: list(c.batch_deployments.list("batch")),
            "list_jobs": lambda: list(c.batch_deployments.list_jobs("batch", name="d")),
        },
    }


def place_probes(w: World) -> dict[str, dict[str, Callable[[], Any]]]:
    from azure.ai.ml.entities import AzureBlobDatastore, Workspace  # noqa: TID251

    c, own = w.client, w.name("store")
    store = AzureBlobDatastore(name=own, account_name="devstoreaccount1", container_name="census")
    here = c.workspace_name

    def delete() -> None:
        c.datastores.create_or_update(store)
        c.datastores.delete(own)
        assert own not in names(c.datastores.list())

    return {
        "datastores": {
            "create_or_update": lambda: equal(c.datastores.create_or_update(store).container_name, "census"),
            "delete": delete,
            "get": lambda: equal(c.datastores.get("workspaceblobstore").container_name, "azureml-blobstore"),
            "get_default": lambda: equal(c.datastores.get_default().name, "workspaceblobstore"),
            "list": lambda: names(c.datastores.list()).index("workspaceartifactstore"),
            "mount": lambda: c.datastores.mount("azureml://datastores/workspaceblobstore"),
        },
        "workspaces": {
            "begin_create": lambda: c.workspaces.begin_create(Workspace(name="other")).result(),
            "begin_delete": lambda: c.workspaces.begin_delete(
                here, delete_dependent_resources=False
            ).result(),
            "begin_diagnose": lambda: c.workspaces.begin_diagnose(here).result(),
            "begin_provision_network": lambda: c.workspaces.begin_provision_network().result(),
            "begin_sync_keys": lambda: c.workspaces.begin_sync_keys().result(),
            "begin_update": lambda: equal(
                c.workspaces.begin_update(Workspace(name=here, tags={"a": "1"})).result().tags, {"a": "1"}
            ),
            "get": lambda: equal(c.workspaces.get().name, here),
            "get_keys": c.workspaces.get_keys,
            "list": lambda: equal(names(c.workspaces.list()), [here]),
        },
    }


def all_probes(w: World) -> dict[str, dict[str, Callable[[], Any]]]:
    """Return the probes by group and method."""
    return {
        "jobs": job_probes(w),
        **asset_probes(w),
        "compute": compute_probes(w),
        **serving_probes(w),
        **batch_probes(w),
        **place_probes(w),
    }
