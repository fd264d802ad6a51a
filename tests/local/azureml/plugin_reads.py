"""Reads a run's losses with MLflow and Microsoft's own plugin, azureml-mlflow; runs in their own environment.

Arguments: the azureml:// tracking URI, a job's name. Prints one JSON object.
"""

import json
import sys

import mlflow
from mlflow.tracking import MlflowClient

uri, name = sys.argv[1:3]
mlflow.set_tracking_uri(uri)
client = MlflowClient()
run = client.get_run(name)
experiment = client.get_experiment(run.info.experiment_id)
children = client.search_runs([experiment.experiment_id], f"tags.mlflow.parentRunId = '{name}'")
with mlflow.start_run(experiment_id=experiment.experiment_id) as own:
    mlflow.log_metric("seen", 1)
found = {
    "status": run.info.status,
    "experiment": experiment.name,
    "losses": [point.value for point in client.get_metric_history(name, "loss")],
    "eval_loss": run.data.metrics["eval_loss"],
    "children": sorted(child.info.run_name for child in children),
    "own": client.get_run(own.info.run_id).data.metrics,
}
print(json.dumps(found))
