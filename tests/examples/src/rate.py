"""Say how far a fitted line is from the points."""

import argparse
import csv
import json
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--data", required=True)
parser.add_argument("--report", required=True)
asked = parser.parse_args()
model = json.loads(Path(asked.model, "model.json").read_text())
with next(iter(sorted(Path(asked.data).glob("*.csv")))).open(newline="") as file:
    points = [(float(row["x"]), float(row["y"])) for row in csv.DictReader(file)]
errors = [(model["slope"] * x + model["intercept"] - y) ** 2 for x, y in points]
Path(asked.report, "report.json").write_text(json.dumps({"mse": sum(errors) / len(errors)}))
