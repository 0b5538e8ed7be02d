"""Where a run is made: versions, device, commit. Imports torch only where it is asked about."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import cgro_theory
from cgro_theory import __version__
from cgro_theory.claims import Environment
from cgro_theory.errors import InvalidInput, require_choice
from cgro_theory.trainer.compiled_flow import compiled_by

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> str:
    """``cpu`` or ``cuda``; ``auto`` takes a GPU when there is one. :class:`InvalidInput` when it is missing."""
    require_choice("device", name, DEVICES)
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        # Operations on a batch are short; a second thread that has to wait for a busy core stalls every one.
        torch.set_num_threads(1)
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InvalidInput("device", name, "auto or cpu here: no CUDA GPU is available")
    return "cuda" if available and name != "cpu" else "cpu"


def describe_environment(device: str) -> Environment:
    """The environment of a run on ``device``, which is resolved."""
    import torch

    shown = f"cuda ({torch.cuda.get_device_name(0)})" if device == "cuda" else "cpu"
    return Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        device=shown,
        dtype="float64",
        version=__version__,
        commit=_commit(),
        compiled_flows=compiled_by(),
        instruction_set=torch.backends.cpu.get_cpu_capability().lower(),
    )


def _commit() -> str:
    """The commit that an installed package was built from (setup.py), else the checkout's, or ``unknown``."""
    package = Path(cgro_theory.__file__).parent
    recorded = package / "commit.txt"
    if recorded.exists():
        return recorded.read_text(encoding="utf-8").strip()
    if not (package.parent / ".git").exists():  # a repository further up is another project's
        return "unknown"
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=package,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()
