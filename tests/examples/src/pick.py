"""Keep the better of two models."""

import argparse
import json
import shutil
from pathlib import Path

parser = argparse.ArgumentParser()
for name in ("model1", "report1", "model2", "report2", "best"):
    parser.add_argument(f"--{name}", required=True)
asked = parser.parse_args()
first, second = (
    json.loads(Path(report, "report.json").read_text())["mse"] for report in (asked.report1, asked.report2)
)
better = asked.model1 if first <= second else asked.model2
shutil.copy(Path(better, "model.json"), Path(asked.best, "model.json"))
