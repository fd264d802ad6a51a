"""Fit a line through x and y by least squares; the model is one JSON file."""

import argparse
import csv
import json
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--shrink", type=float, default=0.0)
parser.add_argument("--model", required=True)
asked = parser.parse_args()
points = []
for path in sorted(Path(asked.data).glob("*.csv")):
    with path.open(newline="") as file:
        points += [(float(row["x"]), float(row["y"])) for row in csv.DictReader(file)]
mean_x = sum(x for x, _ in points) / len(points)
mean_y = sum(y for _, y in points) / len(points)
slope = sum((x - mean_x) * (y - mean_y) for x, y in points)
slope /= sum((x - mean_x) ** 2 for x, _ in points) + asked.shrink
model = {"slope": slope, "intercept": mean_y - slope * mean_x}
Path(asked.model, "model.json").write_text(json.dumps(model))
print(f"fitted {model} on {len(points)} points")
