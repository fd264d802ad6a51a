"""A blob was written below `datasets`: receive it and take its run as far as it goes."""

import azure.functions as func
import azurefunctions.extensions.bindings.blob as bindings

from shared import wiring
from shared.app.advance import advance
from shared.app.receive import receive

blueprint = func.Blueprint()


@blueprint.blob_trigger(
    arg_name="client",
    path="datasets/{name}",
    connection="DROPTUNE_STORAGE",
    source=func.BlobSource.EVENT_GRID,
)
def dataset_uploaded(client: bindings.BlobClient) -> None:
    """Believe the event in nothing but the blob's name; the blob itself is read afresh."""
    if client.container_name != "datasets":
        return  # the trigger's path does not filter events, only the subscription does
    world = wiring.world()
    run = receive(world, client.blob_name)
    if run is not None:
        advance(world, wiring.timing(), run)
