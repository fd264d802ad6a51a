"""What the fine-tune step refuses before it trains, in its own words: its machine, and settings at odds.

Read in azureml-acft-contrib-hf-nlp 0.0.91 (entry_point/finetune) and azureml-acft-common-components 0.0.91.
The local trainer needs no GPU: these rules stand for the machine that Azure would have given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

_NO_GPU = "The selected compute does not meet minimum compute requirements, Please use Standard_NC24s_v3 SKU."
_TOO_MANY = (
    "The selected value for number_of_gpu_to_use_finetuning [{}] is higher than gpus present in the node "
    "[{}]. Please fix the value and try again."
)
_BATCH_SIZE = (
    "Invalid settings found. Deep Speed cannot be coupled with auto_find_batch_size.\n"
    "1. If you want to use auto_find_batch_size functionality set apply_deepspeed to false\n"
    "2. Otherwise, set auto_find_batch_size to false and use per_device_train_batch_size of 1"
)
_ORT = "Invalid settings found. Deep Speed stage3 doesn't work with {'apply_ort': True}."


def refusal(values: Mapping[str, str], size: Json | None) -> str | None:
    """Say why a fine-tune with these inputs fails on nodes of `size`; None where it does not."""
    if size is not None and size["gpus"] == 0:
        return _NO_GPU
    wanted = int(values.get("number_of_gpu_to_use_finetuning", 1))
    if size is not None and wanted > size["gpus"]:
        return _TOO_MANY.format(wanted, size["gpus"])
    if not _on(values, "apply_deepspeed"):
        return None
    if _on(values, "auto_find_batch_size"):
        return _BATCH_SIZE
    return _ORT if values.get("deepspeed_stage") == "3" and _on(values, "apply_ort") else None


def _on(values: Mapping[str, str], name: str) -> bool:
    return values.get(name, "false").lower() == "true"
