"""Azure ML says that a job changed: ask for a look at its run.

The look itself comes by the queue: Event Grid waits 30 seconds for an answer, registering a model may not.
"""

import logging

import azure.functions as func

from shared import wiring
from shared.app.people import hint_job

# A job that is on its way changes nothing for its run: no look. Azure raises few of these, if any.
ON_ITS_WAY = frozenset({"notstarted", "queued", "preparing", "starting", "running", "finalizing"})

log = logging.getLogger(__name__)
blueprint = func.Blueprint()


@blueprint.event_grid_trigger(arg_name="event")
def job_finished(event: func.EventGridEvent) -> None:
    """Take the job's name as a hint, from our workspace alone; what it says of the job is not believed."""
    world = wiring.world()
    if str(event.topic or "").lower() != world.workspace_id.lower():
        log.warning("event %s: from another topic, ignored", event.id)
        return
    data = event.get_json()
    if isinstance(data, dict) and str(data.get("runStatus", "")).lower() in ON_ITS_WAY:
        return
    if not hint_job(world, str(data.get("runId", "")) if isinstance(data, dict) else ""):
        log.info("event %s: about no job of ours", event.id)
