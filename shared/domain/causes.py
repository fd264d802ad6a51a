"""Why a job or a deployment failed, as far as its error and the end of its log tell, and what helps.

Azure ML's words change; these are the ones seen in its answers and in the logs of PyTorch and DeepSpeed. The
error counts before the log, and what fits nothing is `unknown`: no cause is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A kind of failure. code: what follows `job-` or `deployment-`; helps: what a person can do."""

    code: str
    said: re.Pattern[str]
    told: str
    helps: str


PREEMPTED = Cause(
    "preempted",
    re.compile(r"PreemptionError|pre-?empted", re.IGNORECASE),
    "its machine was taken away (preempted)",
    "Use a dedicated cluster (compute.tier: dedicated), or try when the region is less busy",
)
NO_QUOTA = Cause(
    "no-quota",
    re.compile(
        r"OutOfQuota|CoreQuota|quota (was|is|has been)? ?exceeded|exceed\w* .{0,40}quota|not enough quota|"
        r"insufficient quota|OutOfCapacity|AllocationFailed|SkuNotAvailable|not enough (cores|capacity)",
        re.IGNORECASE,
    ),
    "the region or the subscription has no room for it",
    "Ask for quota in the studio (Quota), or name another size in the recipe",
)
OUT_OF_MEMORY = Cause(
    "out-of-memory",
    re.compile(
        r"out of memory|OutOfMemory|\bOOM\b|OOMKilled|can't allocate memory|MemoryError|"
        r"exit(ed)? (code|with|status)\D{0,12}(137|-9)\b",
        re.IGNORECASE,
    ),
    "it ran out of memory",
    "Lower training.max_seq_length or training.per_device_train_batch_size, or name a larger size",
)
DATA = Cause(
    "data",
    re.compile(
        r"found no examples|no assistant tokens|minimum number of|fewer than \d+ (rows|examples)|"
        r"at least \d+ (rows|examples)|chat template|TemplateError|JSONDecodeError|"
        r"DataValidation|DatasetGenerationError|"
        r"'NoneType' object has no attribute 'write'",
        re.IGNORECASE,
    ),
    "it could not use the rows",
    "See what the preprocessing makes of the file (droptune foretell FILE --tokenizer DIR), mend it and "
    "drop it again",
)
UNKNOWN = Cause("failed", re.compile(r"(?!)"), "", "See its page and its log")
ORDER = (PREEMPTED, NO_QUOTA, OUT_OF_MEMORY, DATA)
DATA_STEPS = ("validation", "preprocess")


def of(error: str | None, log: str, step: str | None = None) -> Cause:
    """Find the cause that the error names, else the log, else the step; `failed` where nothing does."""
    for text in (error or "", log):
        for cause in ORDER:
            if cause.said.search(text):
                return cause
    if step is not None and any(word in step for word in DATA_STEPS):
        return DATA
    return UNKNOWN
