"""What the Functions host loads: one app, one blueprint a trigger."""

import azure.functions as func

from functions import advance_run, clean_endpoints, dataset_uploaded, job_finished, reconcile_runs, web

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
for trigger in (dataset_uploaded, job_finished, advance_run, reconcile_runs, clean_endpoints, web):
    app.register_functions(trigger.blueprint)
