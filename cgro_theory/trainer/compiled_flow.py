"""The flow's right-hand side and its steps as compiled loops, where the extra ``fast`` (numba) is installed.

The same formulas as :class:`FlowSystem` and scipy's DOP853, in another order of summation: equal to rounding, and
many times faster, as a state of a few hundred numbers costs numpy more calls than arithmetic.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853

from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.trainer.flow_system import FlowSystem
from cgro_theory.trainer.memory import NEURON_BLOCK
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


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` compiled; its machine code is kept beside its file, or in the user's cache folder.

    The cache looks at the function's own file alone; so the name it is kept by says what the others say.
    """
    numba: Any = importlib.import_module("numba")
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}
    function.__qualname__ += _digest_of_loops()
    made: Callable[..., Any]
    try:
        made = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in
        made = numba.njit(**options)(function)
    return made


@functools.cache
def _digest_of_loops() -> str:
    """Of the text of every module whose code ends in a compiled loop."""
    here = Path(__file__)
    sources = (here, *(here.with_name(f"{name}.py") for name in ("neuron_vectors", "memory", "flow_kernel")))
    return "_" + hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]


class CompiledFlowSystem(FlowSystem):
    """A :class:`FlowSystem` whose derivative and rate of change come from one pass over the state."""

    def __init__(self, problem: SubspaceProblem, run: int, adversary: AdversaryName) -> None:
        self.kernel: Any = importlib.import_module("cgro_theory.trainer.flow_kernel")
        super().__init__(problem, run, adversary)

    def derivative(self, state: Array) -> Array:
        """du/dt and dv/dt."""
        out = np.empty_like(state)
        self.kernel.move(state, *self.fixed(0.0), out)
        return out

    def in_clock(self, clock: float, extended: Array) -> Array:
        """The derivative of (u, v, τ) with respect to the clock of :meth:`FlowSystem.in_clock`."""
        del clock
        out = np.empty_like(extended)
        self.kernel.move(extended, *self.fixed(1.0 / self.time_scale), out)
        return out

    def fixed(self, inverse_scale: float) -> tuple[Any, ...]:
        """What no state changes, as the loops take it, and their room."""
        return *self._constants, self.current_gains, inverse_scale, *self._room

    @functools.cached_property
    def _constants(self) -> tuple[Any, ...]:
        labels = np.ascontiguousarray(self.signs[:: self.setting.noise_patches])
        floors = self.signal_floor, self.noise_floors
        return self.gram.ravel(), labels, self.starts, self.weights, *floors, self.setting.degree

    @functools.cached_property
    def _room(self) -> tuple[Array, Array]:
        """Room for U and the V_i, and for three copies of a state whose rows are padded with zeros."""
        padded = self.setting.width + -self.setting.width % NEURON_BLOCK
        return np.empty(1 + self.setting.num_samples), np.zeros((3, (1 + len(self.gram)) * padded))


class CompiledSolver(DOP853):  # type: ignore[misc]  # scipy has no types
    """scipy's DOP853 with its steps in one compiled loop; first step and interpolants are scipy's."""

    t: float
    h_abs: float
    y: Array
    f: Array

    def __init__(
        self, system: CompiledFlowSystem, start: float, state: Array, end: float, relative: Array, absolute: Array
    ) -> None:
        super().__init__(system.in_clock, start, state, end, rtol=relative, atol=absolute)
        self._system = system
        self._tolerances = np.stack([relative, absolute])

    def advance(self, levels: Array, learned: NDArray[np.bool_], log_time: float, most: int) -> int:
        """Take at most ``most`` steps, until there is something to look at, and give their number.

        To be looked at is a state in which a margin that is not ``learned`` has reached its level, τ has reached
        ``log_time``, U has no longer the sign that the attack answers to, or something is not finite. Like
        :meth:`step`, it sets ``status``.
        """
        numbers = np.array([self.t, self.t, self.h_abs])
        self.y, self.y_old, self.f = self.y.copy(), np.empty_like(self.y), self.f.copy()
        system = self._system
        taken: int = system.kernel.advance(
            numbers,
            self.y,
            self.y_old,
            self.f,
            self.K,
            _tableau(),
            self._tolerances,
            system.fixed(1.0 / system.time_scale),
            levels,
            learned,
            log_time,
            system.watched_sign,
            most,
        )
        self.t, self.t_old, self.h_abs = (float(number) for number in numbers)
        self.h_previous = self.t - self.t_old
        if self.h_abs == 0.0:
            self.status = "failed"
        elif self.t >= self.t_bound:
            self.status = "finished"
        return taken


@functools.cache
def _tableau() -> tuple[Array, Array, Array]:
    """Of DOP853: the matrix and the weights of the stages, and those of its two estimates of the error."""
    return np.array(DOP853.A), np.array(DOP853.B), np.stack([DOP853.E5, DOP853.E3])
