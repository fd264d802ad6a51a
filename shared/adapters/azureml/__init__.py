"""Azure ML: jobs, models, endpoints of one workspace. Importing this imports no `azure.ai.ml`."""

from shared.adapters.azureml.computes import AzureMLComputes
from shared.adapters.azureml.endpoints import AzureMLEndpoints
from shared.adapters.azureml.jobs import AzureMLJobs
from shared.adapters.azureml.models import AzureMLModels
from shared.adapters.azureml.place import AzureMLPlace

__all__ = ["AzureMLComputes", "AzureMLEndpoints", "AzureMLJobs", "AzureMLModels", "AzureMLPlace"]
