"""Set the process up before anything heavy is imported: no network, no chatter, threads as asked.

The trainer's one place that reads the environment.
"""

from __future__ import annotations

import os
import warnings

DEFAULTS = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TQDM_DISABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "CUDA_VISIBLE_DEVICES": "",
}


def prepare() -> None:
    """Write the defaults where nothing is set."""
    for key, value in DEFAULTS.items():
        os.environ.setdefault(key, value)  # noqa: TID251 - see the module's docstring
    warnings.filterwarnings("ignore")


def threads() -> int:
    """How many threads torch may use: TRAINER_THREADS, else one a core."""
    return int(os.environ.get("TRAINER_THREADS", "0")) or os.cpu_count() or 1  # noqa: TID251
