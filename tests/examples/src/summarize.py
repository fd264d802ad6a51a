"""Count the rows of a CSV file, and write the count and the file's head."""

import argparse
import csv
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--out")
asked = parser.parse_args()
with Path(asked.data).open(newline="") as file:
    rows = list(csv.reader(file))
print(f"rows: {len(rows) - 1}")
if asked.out:
    Path(asked.out, "summary.txt").write_text(f"{len(rows) - 1}\n")
Path("outputs").mkdir(exist_ok=True)
Path("outputs/head.txt").write_text(",".join(rows[0]))
