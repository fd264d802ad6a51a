"""A stand-in for the trainer's nursery: the same contract, with nothing heavy imported.

A job learns nothing but the words it was given: its model is a file of them, and its server answers with
how many there are. So what reaches a job, and which model a server serves, can be seen from outside.
Parameters steer it: `seed` 1 fails the job, 2 ends it without a result, 3 makes it last until it is stopped,
4 lets it diverge: no loss on the held-out rows is logged, 5 makes a model whose server fails from the sixth
question on, 6 one that takes its time from there on.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))
from local.trainer.slices import slices

HEALTHY = 5  # questions that a model of seed 5 or 6 answers as others do
SLOW_SECONDS = 2.0  # far more than a busy machine adds


def nursery() -> int:
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        nurse(children)
    finally:
        # Whatever happens here, nothing may outlive the emulator.
        for child in children.values():
            child.terminate()
    return 0


def nurse(children: dict[str, subprocess.Popen[bytes]]) -> None:
    say({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        if asked.get("stop"):
            children[asked["id"]].terminate()
            continue
        with Path(asked["log"]).open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, __file__, asked["start"], asked["spec"]], stdout=log, stderr=log
            )
        children[asked["id"]] = child
        say({"id": asked["id"], "pid": child.pid})
        threading.Thread(target=wait, args=(asked["id"], child)).start()


def wait(identity: str, child: subprocess.Popen[bytes]) -> None:
    say({"id": identity, "exit": child.wait()})


def say(message: dict[str, Any]) -> None:
    # one write: two threads may say something at the same time; an emulator that was killed hears nothing
    with suppress(BrokenPipeError):
        os.write(1, f"{json.dumps(message)}\n".encode())


def preprocess(spec: dict[str, Any]) -> int:
    """Cut and copy the rows; what else Azure ML does with them, the trainer itself does."""
    counts = {}
    for part, piece in slices(set(spec["files"])).items():
        lines = Path(spec["files"][piece.file]).read_text("utf-8").splitlines(keepends=True)
        first, behind = piece.bounds(len(lines))
        target = Path(spec["output_dir"]) / f"{part}.jsonl"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(lines[first:behind]), "utf-8")
        counts[part] = behind - first
    properties = {"__azureml_ft_training_tokens": 10}
    Path(spec["result"]).write_text(
        json.dumps({"status": "completed", "rows": counts, "properties": properties})
    )
    return 0


def finetune(spec: dict[str, Any]) -> int:
    seed = spec["parameters"]["seed"]
    texts = Path(spec["train"]).read_text("utf-8").splitlines()
    print(f"training on {len(texts)} rows")
    with Path(spec["metrics"]).open("a") as metrics:
        for step in range(1, 4):
            point = {"key": "loss", "value": 1 / step, "step": step, "timestamp": int(time.time() * 1000)}
            metrics.write(json.dumps(point) + "\n")
            metrics.flush()
        rows = len(Path(spec["validation"]).read_text("utf-8").splitlines())
        if seed != "4":
            point = {"key": "eval_loss", "value": rows, "step": 3, "timestamp": 1}
            metrics.write(json.dumps(point) + "\n")
    if seed == "1":
        error = {"code": "UserError", "message": "seed 1 makes this job fail"}
        Path(spec["result"]).write_text(json.dumps({"status": "failed", "error": error}))
        return 1
    if seed == "2":
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == "3":
        time.sleep(120)
    model = Path(spec["output_dir"])
    (model / "data").mkdir(parents=True)
    (model / "MLmodel").write_text("flavors: {python_function: {}}\n")
    (model / "data" / "words.json").write_text(json.dumps({"rows": len(texts), "seed": seed}))
    properties = {"score": 0.5}
    Path(spec["result"]).write_text(json.dumps({"status": "completed", "properties": properties}))
    return 0


def serve(spec: dict[str, Any]) -> int:
    words = json.loads((Path(spec["model"]) / "data" / "words.json").read_text())
    asked = itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, {"ready": True})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if "input_data" not in body:
                self.answer(400, {"message": "no input_data"})
                return
            spent = next(asked) > HEALTHY
            if spent and words["seed"] == "5":
                self.answer(500, {"message": "out of memory"})
                return
            if spent and words["seed"] == "6":
                time.sleep(SLOW_SECONDS)
            self.answer(200, {"output": f"{spec['name']} knows {words['rows']} rows"})

        def answer(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None: ...

    print("serving", flush=True)
    HTTPServer((spec["host"], spec["port"]), Handler).serve_forever()
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "nursery":
        sys.exit(nursery())
    work = {"preprocess": preprocess, "finetune": finetune, "serve": serve}[sys.argv[1]]
    sys.exit(work(json.loads(Path(sys.argv[2]).read_text())))
