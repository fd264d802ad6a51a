"""A message says that a run is to be looked at."""

import json

import azure.functions as func

from shared import wiring
from shared.app.advance import advance

blueprint = func.Blueprint()


@blueprint.queue_trigger(arg_name="message", queue_name="run-steps", connection="DROPTUNE_STORAGE")
def advance_run(message: func.QueueMessage) -> None:
    """Read `{"run": name, "wake": number or absent}` and advance that run."""
    step = json.loads(message.get_body())
    advance(wiring.world(), wiring.timing(), step["run"], step.get("wake"))
