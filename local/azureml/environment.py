"""The variables by which any client finds this emulator: the SDKs, MLflow, node."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.settings import Settings

CLOUD = "LocalCloud"


def environment(settings: Settings, ca: Path | None = None) -> dict[str, str]:
    """Return them. ca: our own authority's certificate, for programs that want it alone."""
    place, url = settings.place, settings.url
    found = {
        "ARM_CLOUD_METADATA_URL": f"{url}/metadata/endpoints?api-version=2019-05-01",
        "AZUREML_CURRENT_CLOUD": CLOUD,
        "REGISTRY_DISCOVERY_ENDPOINT_URL": f"{url}/",
        "IDENTITY_ENDPOINT": settings.msi_url,
        "IDENTITY_HEADER": "local",
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "AZURE_SUBSCRIPTION_ID": place.subscription,
        "AZURE_RESOURCE_GROUP": place.group,
        "AZUREML_WORKSPACE_NAME": place.workspace,
        "ARM_URL": url,
        "MLFLOW_TRACKING_URI": f"{url}/mlflow/v2.0{place.id}",
    }
    if settings.ca_bundle:
        found["REQUESTS_CA_BUNDLE"] = str(settings.ca_bundle)
    if ca:
        found["NODE_EXTRA_CA_CERTS"] = str(ca)
    return found
