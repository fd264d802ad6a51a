"""`python -m local.trainer`: what a job and a deployment really run on a laptop.

nursery             fork a child for each job and server, from a parent that has imported and never computed
preprocess SPEC     a job's files to tokens     finetune SPEC   one fine-tune job
serve SPEC          one model behind HTTP
evaluate, ask       a model's loss, its answers convert      make the local base models
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from local.trainer import offline

TASKS = ("preprocess", "finetune", "serve")


def main() -> int:
    """Run one of the words above."""
    args = _parser().parse_args()
    offline.prepare()
    if args.word == "nursery":
        from local.trainer.nursery import nurse

        return nurse()
    if args.word in TASKS:
        from local.trainer.tasks import run

        return run(args.word, Path(args.spec))
    if args.word == "convert":
        from local.trainer.convert import convert

        convert(Path(args.out))
        return 0
    return _look(args)


def _look(args: argparse.Namespace) -> int:
    from local.trainer import evaluate

    if args.word == "evaluate":
        found = evaluate.evaluate(Path(args.model), Path(args.data))
        print(json.dumps(found) if args.json else f"loss {found['loss']:.4f} over {found['chats']} chats")
    else:
        answers = evaluate.ask(Path(args.model), args.text)
        print(json.dumps({"answers": answers}) if args.json else "\n\n".join(answers))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.trainer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    words = parser.add_subparsers(dest="word", required=True)
    words.add_parser("nursery")
    for word in TASKS:
        words.add_parser(word).add_argument("spec", help="a JSON file, see local/trainer/README.md")
    words.add_parser("convert").add_argument("--out", required=True)
    look = words.add_parser("evaluate")
    look.add_argument("--data", required=True)
    ask = words.add_parser("ask")
    ask.add_argument("text", nargs="+")
    for one in (look, ask):
        one.add_argument("--model", required=True, help="a Hugging Face folder or an MLflow model folder")
        one.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
