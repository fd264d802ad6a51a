"""Lock the requirements again, in files that hold no download addresses."""

from __future__ import annotations

import subprocess
import tempfile
import venv
from pathlib import Path

from local.devtools.shell import ROOT, quietly, say

COMMON = ["--universal", "--python-version", "3.11", "--no-annotate", "--no-header", "-q"]
# torch is installed first and chooses these itself: a CPU build needs none of them.
TORCHS_OWN = (
    "torch", "triton", "cuda-bindings", "cuda-pathfinder", "cuda-toolkit", "nvidia-cublas",
    "nvidia-cuda-cccl",
    "nvidia-cuda-cupti", "nvidia-cuda-nvrtc", "nvidia-cuda-runtime", "nvidia-cudnn-cu13", "nvidia-cufft",
    "nvidia-cufile", "nvidia-curand", "nvidia-cusolver", "nvidia-cusparse", "nvidia-cusparselt-cu13",
    "nvidia-nccl-cu13", "nvidia-nvjitlink", "nvidia-nvshmem-cu13", "nvidia-nvtx",
)  # fmt: skip


def lock() -> int:
    """Resolve the requirements of runtime, development and benchmarks; needs the network."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip, uv = Path(folder) / "bin" / "pip", Path(folder) / "bin" / "uv"
        quietly("uv", [pip, "install", "uv"])
        runtime = ROOT / "requirements.txt"
        _compile([uv, "pip", "compile", *COMMON, "requirements/runtime.in", "-o", runtime])
        pins = Path(folder) / "pins.txt"
        pins.write_text((ROOT / "requirements" / "torch.txt").read_text() + runtime.read_text())
        left_out = [part for name in TORCHS_OWN for part in ("--no-emit-package", name)]
        out = ROOT / "requirements" / "dev.txt"
        _compile([uv, "pip", "compile", *COMMON, "requirements/dev.in", "-c", pins, "-o", out, *left_out])
        peers = ROOT / "requirements" / "peers.txt"
        _compile([uv, "pip", "compile", *COMMON, "requirements/peers.in", "-o", peers])
        checkov = ROOT / "requirements" / "checkov.txt"
        _compile([uv, "pip", "compile", *COMMON, "requirements/checkov.in", "-o", checkov])
        witness = ROOT / "requirements" / "azureml-mlflow.txt"
        _compile([uv, "pip", "compile", *COMMON, "requirements/azureml-mlflow.in", "-o", witness])
    say("Locked. Look at the change, then: python3 dev.py test --all")
    return 0


def _compile(command: list[str | Path]) -> None:
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)
