"""Batches of runs in bounded memory: how many runs are trained together, and what happens when they do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from cgro_theory.errors import CgroError
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.trainer.memory import WORKING_MEMORY

GPU_SHARE = 0.5
"""Share of the free GPU memory that a chunk of runs may work in."""

Part = TypeVar("Part")


def runs_that_fit(setting: PatchSetting, device: str, dtype: torch.dtype, history: int) -> int:
    """How many runs to train together, at least 1; ``history`` is the number of steps whose margins are kept.

    A run works in its projections and their slopes and terms, a snapshot, its Gram matrix with factors, and
    the margins of a block of steps.
    """
    noise, width, samples = setting.num_noise, setting.width, setting.num_samples
    state = 6 * noise * width + 8 * width
    matrices = 3 * noise * noise + noise * width + 2 * width * width
    numbers = state + matrices + 3 * history * (1 + samples)
    size = numbers * torch.finfo(dtype).bits // 8
    free = int(GPU_SHARE * torch.cuda.mem_get_info()[0]) if device == "cuda" else WORKING_MEMORY
    return max(1, free // size)


def in_chunks(runs: int, chunk: int, train: Callable[[range], Part]) -> list[Part]:
    """Call ``train`` on consecutive ranges of at most ``chunk`` runs; halve the chunk when memory runs out."""
    parts: list[Part] = []
    start, chunk = 0, min(chunk, runs)
    while start < runs:
        try:
            parts.append(train(range(start, min(runs, start + chunk))))
        except torch.cuda.OutOfMemoryError as error:
            if chunk == 1:
                raise CgroError("one run does not fit into the GPU's memory: use --device cpu") from error
            chunk = max(1, chunk // 2)
            torch.cuda.empty_cache()
            continue
        start += chunk
    return parts
