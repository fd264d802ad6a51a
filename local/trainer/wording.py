"""What Azure ML's preprocessing says when it fails, in its own words.

Read in azureml-acft-contrib-hf-nlp and azureml-acft-common-components 0.0.91.
"""

from __future__ import annotations

LEAST_ROWS = 10
USER, SYSTEM = "UserError", "SystemError"
NO_ASSISTANT_TOKENS = (
    "Unable to continue finetuning. No assistant tokens found after preprocessing.\n"
    "1. Please increase the :param `max_seq_len` to higher value and try again.\n"
    "2. This could also be an issue with ChatSpecialTokens. Please report the issue for resolution.\n"
)
LATE_SYSTEM = "Only one system role should be present and should be at the beginning of messages"
LONE_SYSTEM = "messages should contain user role to process system message"


def too_few(rows: int) -> str:
    """Say that fewer train rows are left than the least."""
    return (
        f"Training dataset has {rows} non-null samples, which is fewer than {LEAST_ROWS} samples, which is "
        "the min required to finetune. Please check your training dataset or provide a validation dataset"
        "(training dataset will be split if no validation dataset)."
    )


def none_left(path: str) -> str:
    """Say that no row is left of a file."""
    return f"Found no examples after data preprocessing for {path}"


def columns(path: str, found: list[str], wanted: list[str]) -> str:
    """Say that a column is not there."""
    return f"Path or dict: {path}.Dataset Columns: {found}.User Passed Columns: {wanted}."


def not_loaded(error: BaseException) -> str:
    """Say that a file can't be read."""
    return (
        f"Error while loading the dataset: {error} \n Please validate your data by launching run through "
        "notebooks at https://github.com/Azure/azureml-examples/tree/main/sdk/python/foundation-models/"
        "system/finetune"
    )


def template(error: BaseException) -> str:
    """Say that the chat template refuses a row."""
    return f"Failure while applying chat template to dataset: {error}"


def internal(error: BaseException) -> str:
    """Say that the preprocessing itself crashed."""
    return f"Encountered an internal ACFT error. Error Message/Code: {error}."
