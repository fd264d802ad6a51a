"""Load a model folder: Hugging Face's or MLflow's, always in fp32 (bf16 is 20 times slower on a CPU)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.trainer import offline

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Model:
    """A causal language model and its tokenizer."""

    net: Any
    tokenizer: Any


def load(folder: Path) -> Model:
    """Load either kind of folder; raises FileNotFoundError where it is neither."""
    import torch

    torch.set_num_threads(offline.threads())
    if (folder / "MLmodel").exists():
        import mlflow

        parts = mlflow.transformers.load_model(str(folder), return_type="components")
        return Model(parts["model"].float().eval(), parts["tokenizer"])
    if not (folder / "config.json").exists():
        raise FileNotFoundError(f"{folder.name} is neither a Hugging Face nor an MLflow model folder")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    net = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return Model(net.eval(), AutoTokenizer.from_pretrained(folder))


def generate(model: Model, messages: list[dict[str, str]], parameters: dict[str, Any]) -> str:
    """Answer one chat; parameters: temperature, top_p, do_sample, max_new_tokens."""
    import torch

    text = model.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    inputs = model.tokenizer(text, add_special_tokens=False, return_tensors="pt")
    given = {
        k: parameters[k] for k in ("temperature", "top_p", "do_sample", "max_new_tokens") if k in parameters
    }
    if not given.get("do_sample", False):
        given = {"do_sample": False, "max_new_tokens": given.get("max_new_tokens", 200)}
    with torch.inference_mode():
        made = model.net.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            pad_token_id=model.tokenizer.pad_token_id or model.tokenizer.eos_token_id,
            eos_token_id=_ends(model),
            **given,
        )
    answer: str = model.tokenizer.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return answer


def _ends(model: Model) -> list[int]:
    end = model.tokenizer.convert_tokens_to_ids("<|im_end|>")
    return sorted({token for token in (end, model.tokenizer.eos_token_id) if isinstance(token, int)})
