"""The base model's tokenizer, from a folder that was named or from beside the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared.datasets.tokenizer_files import NAMES, NEEDED, TEMPLATE, TokenizerFiles, Unusable
from shared.domain.errors import Permanent

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from shared.datasets.tokens import TokenCounter
    from shared.domain.recipe import Recipe

RECIPES, TOKENIZERS = Path("recipes"), "tokenizers"


def at_hand(args: argparse.Namespace, recipe: Recipe) -> Mapping[str, bytes]:
    """Give the files of --tokenizer, else of `tokenizers/<base model>/` beside the recipe; empty without."""
    if args.tokenizer:
        return _named(Path(args.tokenizer))
    given = Path(args.recipe) if args.recipe else RECIPES / "default.yaml"
    folder = given.parent if given.exists() else RECIPES
    return _files(folder / TOKENIZERS / recipe.base_model.name.replace("/", "-"))


def counter(folder: Path, max_seq_length: int) -> TokenCounter:
    """Make a counter of a folder that was named; raises Permanent."""
    files = _named(folder)
    tokenizer, config = (files[name] for name in NEEDED)
    try:
        return TokenizerFiles(folder.name, tokenizer, config, files.get(TEMPLATE), max_seq_length).counter()
    except Unusable as fault:
        raise Permanent(
            "tokenizer-unusable", f"{folder}: {fault}.", "Take the base model's own folder."
        ) from fault


def _named(folder: Path) -> Mapping[str, bytes]:
    files = _files(folder)
    if missing := [name for name in NEEDED if name not in files]:
        raise Permanent(
            "tokenizer-missing",
            f"{folder} holds no {' and no '.join(missing)}.",
            "Name the base model's folder: --tokenizer DIR",
        )
    return files


def _files(folder: Path) -> Mapping[str, bytes]:
    return {name: (folder / name).read_bytes() for name in NAMES if (folder / name).is_file()}
