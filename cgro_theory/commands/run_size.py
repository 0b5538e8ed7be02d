"""How much memory and time a simulation takes, estimated before it starts, and the limits of both."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cgro_theory.errors import InvalidInput
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.trainer.memory import WORKING_MEMORY

MEMORY_SHARE = 0.8
"""Share of the machine's memory that a simulation may take."""
LONGEST_SECONDS = 24 * 3600.0
CHECKPOINTS = 101
FLOW_EVALUATIONS = 10_000
"""Evaluations of the right-hand side until memorization: a few thousand at any d, doubled."""


def machine_memory() -> int:
    """Bytes of memory of this machine, or of the container that this process runs in."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(whole, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):
        return whole


def bytes_needed(setting: PatchSetting, runs: int, *, flow: bool = False, dense: bool = False) -> int:
    """Memory of a simulation: what is drawn and recorded of every run, and what its trainer works in."""
    noise, width, samples = setting.num_noise, setting.width, setting.num_samples
    record = CHECKPOINTS * (width * width + width + samples + 2) + 4 * width * width + 2 * noise * width
    drawn = 3 * noise * noise + 3 * noise * width + 2 * width * width
    working = 0
    if dense or not setting.reduces:
        # The weights, the noise, and the inputs, attacked inputs and gradients of either.
        drawn += setting.patch_dimension * (6 * width + (2 + 8 * setting.num_patches) * samples)
    elif flow:
        state = width * (1 + noise)
        working = state * state + 30 * state  # the integrator keeps room for a Jacobian
    else:
        alone = 6 * noise * width + 3 * noise * noise + 200 * samples
        working = max(alone, min(runs * alone, WORKING_MEMORY // 8))
    return 8 * (runs * (record + drawn) + working)


def step_seconds(setting: PatchSetting, runs: int, *, dense: bool = False, l2: bool = False) -> float:
    """Seconds of a step of descent on one core of a usual machine, within a factor of three or so."""
    noise, width = setting.num_noise, setting.width
    if dense or l2 or not setting.reduces:
        size = setting.patch_dimension if dense or not setting.reduces else 1 + noise + width
        products = float(runs * setting.num_samples * setting.num_patches * size * width)
        return 2e-2 + 1.2e-7 * products if l2 else 2e-3 + 4e-9 * products
    return 8e-5 + runs * (2.2e-10 * noise * noise * width + 5e-9 * noise * width)


def flow_seconds(setting: PatchSetting, runs: int) -> float:
    """Seconds of the flow of ``runs`` networks until memorization, within a factor of three or so."""
    noise, width = setting.num_noise, setting.width
    return runs * FLOW_EVALUATIONS * (6e-5 + 2.2e-10 * noise * noise * width + 5e-9 * noise * width)


def require_memory(
    setting: PatchSetting, runs: int, *, flow: bool = False, dense: bool = False, limit: int | None = None
) -> None:
    """Refuse a simulation that would not fit, with the largest value that does of the option to blame.

    ``limit``: bytes; None: :data:`MEMORY_SHARE` of the machine's.
    """
    room = int(MEMORY_SHARE * machine_memory()) if limit is None else limit
    needed = bytes_needed(setting, runs, flow=flow, dense=dense)
    if needed <= room:
        return
    shown = f"here: {gigabytes(needed)} would be needed and {gigabytes(room)} are the limit"

    def fits(name: str) -> Callable[[int], bool]:
        return lambda value: bytes_needed(replace(setting, **{name: value}), runs, flow=flow, dense=dense) <= room

    most = largest(lambda count: bytes_needed(setting, count, flow=flow, dense=dense) <= room, 1, runs)
    if most:
        raise InvalidInput("runs", runs, f"at most {most:,} {shown}")
    for name, low in (("num_samples", 1), ("width", 1), ("num_patches", 2), ("patch_dimension", 2)):
        value = getattr(setting, name)
        most = largest(fits(name), low, value)
        if most and most < value:
            raise InvalidInput(name, value, f"at most {most:,} {shown}")
    raise InvalidInput("num_samples", setting.num_samples, f"far smaller {shown}")


def require_time(seconds: float, name: str, value: object, remedy: str) -> None:
    """Refuse work that is estimated above :data:`LONGEST_SECONDS`, with what to change."""
    if seconds > LONGEST_SECONDS:
        hours = LONGEST_SECONDS / 3600
        raise InvalidInput(name, value, f"{remedy}: about {seconds / 3600:.3g} hours, {hours:.0f} are the limit")


def require_flow_time(setting: PatchSetting, runs: int) -> float:
    """Seconds of a flow, refused above :data:`LONGEST_SECONDS`: a single run by its samples, more by the runs."""
    seconds, alone = flow_seconds(setting, runs), flow_seconds(setting, 1)
    if alone <= LONGEST_SECONDS:
        most = math.floor(LONGEST_SECONDS / alone)
        require_time(seconds, "runs", runs, f"at most {most:,} for this size")
        return seconds
    count = setting.num_samples
    most = largest(lambda each: flow_seconds(replace(setting, num_samples=each), 1) <= LONGEST_SECONDS, 1, count)
    require_time(alone, "num_samples", count, f"at most {most:,} for one flow" if most else "far smaller")
    return seconds


def require_descent_time(
    setting: PatchSetting, runs: int, steps: int, given: int | None, *, dense: bool, l2: bool
) -> float:
    """Seconds of a descent on the CPU, refused above :data:`LONGEST_SECONDS`; ``given``: the steps as asked."""
    one_step = step_seconds(setting, runs, dense=dense, l2=l2)
    most = math.floor(LONGEST_SECONDS / one_step)
    shown = f"{steps:,}" if steps < 1e9 else f"{steps:.2g}"
    need = "" if given else f", and memorization may need {shown}"
    flow = "" if dense or l2 else " (the method flow needs none)"
    require_time(steps * one_step, "steps", given or "auto", f"at most {most:,}{need}{flow}")
    return steps * one_step


def largest(fits: Callable[[int], bool], low: int, high: int) -> int:
    """The largest value in [low, high) that fits, 0 when ``low`` does not; needs that smaller ones fit, too."""
    if not fits(low):
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def gigabytes(size: int) -> str:
    """The size in words, such as ``1.5 GiB``."""
    return f"{size / 2**30:,.3g} GiB" if size < 2**60 else f"{size / 2**60:.3g} EiB"
