"""`python3 dev.py demo`: a dropped file becomes a live model, for real, on this machine.

Only the drop is ours: from there events and timers move it. Afterwards the base and the tuned model answer
the same questions, their losses are computed over the held-out part, and the sweep takes the endpoint away.
Under `--json` progress goes to stderr and stdout ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.stack import Stack

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "local" / "demo_data" / "acme-support.jsonl"
RECIPE = "acme-support"
SWEEP_SECONDS = 180.0


@dataclass(frozen=True)
class Model:
    """What one model shows: its answers in the order of the questions, and its loss on the held-out part."""

    answers: list[str]
    loss: float
    digest: str


def say(text: str = "") -> None:
    """Tell a person what goes on."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Tools:
    """Runs our programs in the stack's environment."""

    env: dict[str, str]

    def droptune(self, *args: str, good: tuple[int, ...] = (0,)) -> Any:  # noqa: ANN401 - what the command printed
        """Run `droptune … --json` and read what it prints; its progress passes through."""
        return self._json([sys.executable, "-m", "shared.cli.main", *args, "--json"], good)

    def trainer(self, *args: str) -> Any:  # noqa: ANN401
        """Run `local.trainer … --json` and read what it prints."""
        return self._json([sys.executable, "-m", "local.trainer", *args, "--json"], (0,))

    def _json(self, command: list[str], good: tuple[int, ...]) -> Any:  # noqa: ANN401
        done = subprocess.run(command, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode not in good:
            raise SystemExit(f"{' '.join(command[2:])} ended with {done.returncode}; see above.")
        return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> int:
    """Run the whole loop once; 0 where the model went live, got better, and its endpoint is gone."""
    parser = argparse.ArgumentParser(prog="dev.py demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON on stdout")
    parser.add_argument("--keep", action="store_true", help="leave the local stack running")
    args = parser.parse_args()
    begun = time.monotonic()
    stack = Stack(ROOT / ".droptune")
    was_running = stack.start()
    os.environ.update(stack.settings)  # noqa: TID251 - Azure's libraries read theirs there
    try:
        result = run(Tools(stack.env), begun)
    except KeyboardInterrupt:
        say("\nEnding the local stack ...")
        return 130
    finally:
        if not args.keep and not was_running:
            stack.stop()
    if args.json:
        print(json.dumps(result), flush=True)
    return 0 if result["state"] == "live" and result["endpoint_deleted"] else 1


def run(tools: Tools, begun: float) -> dict[str, Any]:
    """Drop, wait, compare, sweep."""
    say(f"\nDropping {DATA.name} into datasets/{RECIPE}/; from here on events and timers move it.")
    dropped = tools.droptune("drop", str(DATA), "--recipe", RECIPE, "--retrain", "--wait", good=(0, 1))
    shown = tools.droptune("show", dropped["run"])
    if dropped["state"] != "live":
        raise SystemExit(f"The run {dropped['run']} is {dropped['state']}: {dropped['reason']}")
    questions = facts()
    base, tuned = compare(tools, shown, [ask for ask, _answer in questions])
    tell(questions, base, tuned)
    gone, saved = sweep(tools, dropped["endpoint"])
    return {
        "run": dropped["run"],
        "state": dropped["state"],
        "state_after": tools.droptune("show", dropped["run"])["state"],
        "seconds": round(time.monotonic() - begun, 1),
        "eval_loss_before": base.loss,
        "eval_loss_after": tuned.loss,
        "eval_digest": base.digest,
        "facts_expected": len(questions),
        "facts_before": count(questions, base),
        "facts_after": count(questions, tuned),
        "answer_before": base.answers[0],
        "answer_after": tuned.answers[0],
        "endpoint_deleted": gone,
        "saved_per_month_usd": saved,
    }


def facts() -> list[tuple[str, str]]:
    """Read the recipe's facts: question and the answer that must stand in the reply."""
    from shared.app.recipes import parse

    recipe = parse((ROOT / "recipes" / f"{RECIPE}.yaml").read_bytes(), RECIPE)
    return [(fact.ask, fact.answer) for fact in recipe.evaluation.facts]


def compare(tools: Tools, shown: dict[str, Any], asks: list[str]) -> tuple[Model, Model]:
    """Put the same questions to both models, and compute both losses over the prepared test part."""
    say("\nAsking the base and the tuned model the same questions, while the endpoint falls idle ...")
    with tempfile.TemporaryDirectory() as folder:
        test, tuned = Path(folder) / "test.jsonl", Path(folder) / "model"
        download(tools.env, "prepared", f"{shown['prepared']}/test.jsonl", test)
        download(tools.env, "azureml-blobstore", f"azureml/{shown['job']}/trained_model", tuned)
        base_dir = ROOT / ".droptune" / "models" / "small"
        answers = [tools.droptune("ask", RECIPE, ask)["answer"] for ask in asks]
        before = tools.trainer("ask", "--model", str(base_dir), *asks)
        losses = [
            tools.trainer("evaluate", "--model", str(m), "--data", str(test)) for m in (base_dir, tuned)
        ]
    (base_loss, tuned_loss) = losses
    return (
        Model(list(before["answers"]), base_loss["loss"], base_loss["sha256"]),
        Model(answers, tuned_loss["loss"], tuned_loss["sha256"]),
    )


def download(env: dict[str, str], container: str, path: str, target: Path) -> None:
    """Bring a blob, or all blobs below a folder, to this machine."""
    from azure.identity import DefaultAzureCredential  # noqa: TID251 - a user of storage, as any other program
    from azure.storage.blob import ContainerClient  # noqa: TID251

    url = env["DROPTUNE_STORAGE__blobServiceUri"]
    with ContainerClient(url, container, credential=DefaultAzureCredential()) as client:
        for name in client.list_blob_names(name_starts_with=path):
            place = target if name == path else target / name.removeprefix(path).lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                client.download_blob(name).readinto(file)


def count(questions: list[tuple[str, str]], model: Model) -> int:
    """Count the facts that stand in the model's answers."""
    pairs = zip(questions, model.answers, strict=True)
    return sum(answer.casefold() in said.casefold() for (_ask, answer), said in pairs)


def tell(questions: list[tuple[str, str]], base: Model, tuned: Model) -> None:
    """Show both models' answers side by side."""
    for (ask, fact), before, after in zip(questions, base.answers, tuned.answers, strict=True):
        say(f"\n  Question  {ask}   (the fact: {fact})")
        say(f"  base      {before.strip()[:300]}")
        say(f"  tuned     {after.strip()[:300]}")
    had, has = count(questions, base), count(questions, tuned)
    say(f"\n  facts answered  base {had}, tuned {has} of {len(questions)}")
    say(f"  loss on the held-out part  base {base.loss:.3f}, tuned {tuned.loss:.3f}")


def sweep(tools: Tools, endpoint: str) -> tuple[bool, float | None]:
    """Sweep until the idle endpoint is gone; whichever sweep takes it, the timer's or this one, counts."""
    say("\nSweeping: an endpoint that nobody asks anything is taken away ...")
    until = time.monotonic() + SWEEP_SECONDS
    while time.monotonic() < until:
        tools.droptune("sweep", good=(0, 1))
        if endpoint not in [row["endpoint"] for row in tools.droptune("endpoints")]:
            saved = last_saving(endpoint)
            worth = f" That saves ${saved:,.0f} a month." if saved else ""
            say(f"  {endpoint} is gone; its model stays registered.{worth}")
            return True, saved
        time.sleep(2)
    return False, None


def last_saving(endpoint: str) -> float | None:
    """Read what the sweep that took the endpoint, the timer's or ours, wrote down."""
    from shared import wiring

    ledger = wiring.world().ledger
    for entry in ledger.names("sweep/reports/"):
        report = json.loads(ledger.read(entry.name).data)
        for taken in report["taken"]:
            if taken["endpoint"] == endpoint:
                found: float | None = taken["saves_monthly_usd"]
                return found
    return None


if __name__ == "__main__":
    sys.exit(main())
