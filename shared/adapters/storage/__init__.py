"""Storage: documents, drops, recipes, prepared files, the queue of steps and what failed there."""

from shared.adapters.storage.documents import BlobDocuments
from shared.adapters.storage.drops import BlobDrops, BlobRecipes
from shared.adapters.storage.place import StoragePlace
from shared.adapters.storage.poison import QueuePoison
from shared.adapters.storage.prepared import BlobPrepared
from shared.adapters.storage.steps import QueueSteps

__all__ = [
    "BlobDocuments",
    "BlobDrops",
    "BlobPrepared",
    "BlobRecipes",
    "QueuePoison",
    "QueueSteps",
    "StoragePlace",
]
