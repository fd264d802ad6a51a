"""Every quarter of an hour: take away the endpoints that nobody uses."""

import azure.functions as func

from shared import wiring
from shared.app.sweep import sweep

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
def clean_endpoints(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name must be an argument
    """Sweep once, for real."""
    sweep(wiring.world(), dry_run=False)
