"""The flow's right-hand side as one compiled loop, where the extra ``fast`` (numba) is installed.

The same formulas as :class:`FlowSystem`, in another order of summation: equal to rounding, and five to eight times
faster, as a state of a few hundred numbers costs numpy more calls than arithmetic.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.trainer.flow_system import FlowSystem
from cgro_theory.trainer.subspace_problem import SubspaceProblem

Array = NDArray[np.float64]


def flow_system(problem: SubspaceProblem, run: int, adversary: AdversaryName) -> FlowSystem:
    """The right-hand side of one run: compiled where numba is installed, else of numpy's calls."""
    kind = CompiledFlowSystem if is_compiled() else FlowSystem
    return kind(problem, run, adversary)


@functools.cache
def is_compiled() -> bool:
    """Whether flows are integrated with the compiled right-hand side."""
    try:
        numba = importlib.import_module("numba")
    except ImportError:
        return False
    return not numba.config.DISABLE_JIT


def compiled_by() -> str:
    """The compiler of flows and descents and its version, or ``none``: compiled sums end in other bits."""
    return f"numba {importlib.import_module('numba').__version__}" if is_compiled() else "none"


def compiled(function: Callable[..., None]) -> Callable[..., None]:
    """``function`` compiled; its machine code is kept beside its file, or in the user's cache folder."""
    numba: Any = importlib.import_module("numba")
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}
    made: Callable[..., None]
    try:
        made = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in
        made = numba.njit(**options)(function)
    return made


@functools.cache
def _compiled() -> Callable[..., None]:
    """:func:`_move` compiled."""
    return compiled(_move)


class CompiledFlowSystem(FlowSystem):
    """A :class:`FlowSystem` whose derivative and rate of change come from one pass over the state."""

    def __init__(self, problem: SubspaceProblem, run: int, adversary: AdversaryName) -> None:
        self._move = _compiled()
        super().__init__(problem, run, adversary)

    def derivative(self, state: Array) -> Array:
        """du/dt and dv/dt."""
        out = np.empty_like(state)
        self._move(state, *self._fixed, self.current_gains, 0.0, out)
        return out

    def in_clock(self, clock: float, extended: Array) -> Array:
        """The derivative of (u, v, τ) with respect to the clock of :meth:`FlowSystem.in_clock`."""
        del clock
        out = np.empty_like(extended)
        self._move(extended, *self._fixed, self.current_gains, 1.0 / self.time_scale, out)
        return out

    @functools.cached_property
    def _fixed(self) -> tuple[Any, ...]:
        """What no state changes, looked up once, and room for the slopes."""
        setting = self.setting
        slopes = np.empty((len(self.gram), setting.width))
        fixed = self.gram, self.signs, self._starts, self.weights, self.signal_floor, self.noise_floors, slopes
        return *fixed, setting.degree, setting.noise_patches


def _move(
    state: Array,
    gram: Array,
    signs: Array,
    starts: Array,
    weights: Array,
    signal_floor: float,
    noise_floors: Array,
    slopes: Array,
    degree: int,
    noise_patches: int,
    gains: Array,
    inverse_scale: float,
    out: Array,
) -> None:
    """du/dt and dv/dt into ``out``, or where ``state`` is (u, v, τ) their derivative and τ's in the clock.

    ``slopes`` is room for |v|^(q-1), ``inverse_scale`` is 1/t_c. Plain loops and one BLAS product, to be compiled.
    """
    patches, width = slopes.shape
    samples = patches // noise_patches
    noise = slice(width, width + patches * width)
    v, moving = state[noise].reshape(patches, width), out[noise].reshape(patches, width)
    signal, size = 0.0, 0.0
    for r in range(width):
        u = state[r]
        kept = u if u * starts[r] >= 0.0 else 0.0
        power = abs(kept)
        for _ in range(degree - 2):
            power *= abs(kept)
        out[r] = power
        signal += kept * power
        size += u * u
    gain = 0.0
    for i in range(samples):
        margin = 0.0
        for k in range(i * noise_patches, (i + 1) * noise_patches):
            own = 0.0
            for r in range(width):
                power = abs(v[k, r])
                for _ in range(degree - 2):
                    power *= abs(v[k, r])
                slopes[k, r] = power
                own += v[k, r] * power
            margin += own * signs[k]
        clean = weights[0] / (1.0 + math.exp(gains[0] * signal + margin))
        attacked = weights[1] / (1.0 + math.exp(gains[1] * signal + margin))
        gain += gains[0] * clean + gains[1] * attacked
        for k in range(i * noise_patches, (i + 1) * noise_patches):
            pull = (clean + attacked) * signs[k] * degree / samples
            for r in range(width):
                slopes[k, r] *= pull
    for r in range(width):
        out[r] *= gain * degree / samples
    np.dot(gram, slopes, moving)
    if state.size == noise.stop:
        return
    moved = 0.0
    for r in range(width):
        moved += out[r] * out[r]
    squared_rate = moved / (size + signal_floor)
    for k in range(patches):
        moved, size = 0.0, 0.0
        for r in range(width):
            moved += moving[k, r] * moving[k, r]
            size += v[k, r] * v[k, r]
        squared_rate = math.hypot(squared_rate, moved / (size + noise_floors[k]))
    inverse_age = math.exp(-state[-1]) * inverse_scale
    tick = 1.0 / (inverse_age + math.sqrt(squared_rate))
    for index in range(noise.stop):
        out[index] *= tick
    out[-1] = tick * inverse_age
