"""Every minute: wake what is overdue, find drops whose event never came."""

import azure.functions as func

from shared import wiring
from shared.app.reconcile import reconcile

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="%RECONCILE_SCHEDULE%")
def reconcile_runs(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name must be an argument
    """Reconcile; a missed tick needs no making up for."""
    reconcile(wiring.world(), wiring.timing())
