"""Gradient flow of the subspace system: the limit η → 0 of descent, in logarithmic time.

The times of theorem 1 spread over twelve decades at d = 10^15, and each growth ends in a blow-up; in the variable
s = log(1 + t/t_c) an adaptive integrator (scipy's LSODA) crosses them in a few thousand steps, whatever d is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import LSODA
from scipy.special import expit

from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.setting.adversary import AdversaryName
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.trainer.reduction import SubspaceProblem
from cgro_theory.trainer.trajectories import LEARNED_MARGIN, Trajectories, as_array, empty_records

Array = NDArray[np.float64]
Progress = Callable[[float], None]

MAX_INTEGRATOR_STEPS = 200_000
"""A run that needs more steps than this has met a tolerance that cannot be met."""


class FlowSystem:
    """The right-hand side of theory.md 2.2.2 for one run, with the state y = (u, v) flattened.

    ``state`` has shape (m + n m,); the derivative is with respect to time.
    """

    def __init__(self, problem: SubspaceProblem, run: int, adversary: AdversaryName) -> None:
        if adversary is AdversaryName.L2:
            raise InvalidInput("adversary", adversary.value, "transfer or span for the gradient flow")
        self.setting: PatchSetting = problem.setting
        self._span = adversary is AdversaryName.SPAN
        setting = problem.setting
        self._gram = np.ascontiguousarray(as_array(problem.gram[run]))
        self._signs = np.repeat(as_array(problem.labels[run]), setting.noise_patches)
        self._weights = (1.0 - setting.adversarial_weight, setting.adversarial_weight)
        self.initial = np.concatenate(
            [as_array(problem.signal_projections[run]), as_array(problem.preactivations[run]).ravel()]
        )

    def split(self, state: Array) -> tuple[Array, Array]:
        """u, shape (m,), and v, shape (n, m)."""
        width = self.setting.width
        return state[:width], state[width:].reshape(-1, width)

    def margins(self, state: Array) -> Array:
        """U and the V_i side by side. shape: (1 + N,)"""
        u, v = self.split(state)
        signal = float(u @ self._power(u))
        margins: Array = np.concatenate([[signal], self._noise_margins(v, self._power(v))])
        return margins

    def gains(self, signal: float) -> tuple[float, float]:
        """Factors of U in the clean and the attacked margin."""
        setting = self.setting
        attacked = setting.attacked_gain
        if self._span and signal < 0:
            attacked = ((2.0 - setting.attacked_signal_fraction) * setting.signal_strength) ** setting.degree
        return setting.clean_gain, attacked

    def derivative(self, state: Array) -> Array:
        """du/dt and dv/dt."""
        degree, width = self.setting.degree, self.setting.width
        u, v = self.split(state)
        signal_slopes, slopes = self._power(u), self._power(v)
        signal, noise = float(u @ signal_slopes), self._noise_margins(v, slopes)
        pull, gain = np.zeros_like(noise), 0.0
        for factor, weight in zip(self.gains(signal), self._weights, strict=True):
            if weight > 0.0:
                share = weight * expit(-(factor * signal + noise))
                gain += factor * float(share.mean())
                pull += share
        out = np.empty_like(state)
        np.multiply(signal_slopes, degree * gain, out=out[:width])
        per_patch = np.repeat(pull, self.setting.noise_patches) * self._signs * (degree / self.setting.num_samples)
        np.matmul(self._gram, slopes * per_patch[:, None], out=out[width:].reshape(v.shape))
        return out

    def _power(self, values: Array) -> Array:
        """|values|^(q-1), by multiplications for the usual degrees."""
        if self.setting.degree == 2:
            return np.abs(values)
        squares = values * values
        if self.setting.degree == 3:
            return squares
        return np.asarray(squares ** ((self.setting.degree - 1) / 2))

    def _noise_margins(self, v: Array, slopes: Array) -> Array:
        """V_i from v and |v|^(q-1). shape: (N,)"""
        per_patch: Array = np.einsum("km,km->k", v, slopes) * self._signs
        if self.setting.noise_patches == 1:
            return per_patch
        return np.asarray(per_patch.reshape(self.setting.num_samples, -1).sum(axis=1))

    def time_scale(self) -> float:
        """A hundredth of the time in which the fastest part of the state would change by its own size."""
        width = self.setting.width
        speed = self.derivative(self.initial)
        rates = [
            float(np.abs(speed[part]).max() / np.abs(self.initial[part]).max())
            for part in (slice(0, width), slice(width, None))
        ]
        return 0.01 / max(*rates, np.finfo(float).tiny)


def integrate_flow(
    problem: SubspaceProblem,
    *,
    horizon: float,
    adversary: AdversaryName = AdversaryName.TRANSFER,
    relative_tolerance: float = 1e-8,
    stop_when_memorized: bool = True,
    num_checkpoints: int = 100,
    progress: Progress | None = None,
) -> Trajectories:
    """Integrate the gradient flow of every run and record it like a descent with learning rate 0.

    Args:
        problem: drawn or reduced problems; each run is integrated on its own, so a batch changes nothing.
        horizon: time at which a run stops at the latest, > 0.
        adversary: ``transfer`` or ``span``.
        relative_tolerance: local error per step, in [1e-12, 1e-3]; the absolute one is this times the size of
            the initial projections.
        stop_when_memorized: end a run when the last V_i reaches 1.
        num_checkpoints: log-spaced records, >= 2.
        progress: called with the fraction of runs done.

    A run whose tolerance cannot be met ends as ``failed``, its ``final_time`` the time reached.
    """
    if require_finite("horizon", horizon, "a finite number > 0") <= 0:
        raise InvalidInput("horizon", horizon, "a finite number > 0")
    allowed = "in [1e-12, 1e-3]"
    if not 1e-12 <= require_finite("relative_tolerance", relative_tolerance, allowed) <= 1e-3:
        raise InvalidInput("relative_tolerance", relative_tolerance, allowed)
    require_integer("num_checkpoints", num_checkpoints, 2)
    runs = len(problem.seeds)
    systems = [FlowSystem(problem, run, adversary) for run in range(runs)]
    first = min(horizon, *(system.time_scale() for system in systems))
    times = np.concatenate([[0.0], np.geomspace(first, horizon, num_checkpoints)])
    records = empty_records(problem.setting, runs, times.size)
    records["labels"] = as_array(problem.labels)
    records["checkpoint_times"] = times
    records["initial_preactivations"] = as_array(problem.preactivations)
    stopped = []
    for run, system in enumerate(systems):
        writer = _Writer(system, problem.select(torch.tensor([run])), records, run)
        stopped.append(_integrate(system, writer, times, relative_tolerance, stop_when_memorized))
        if progress is not None:
            progress((run + 1) / runs)
    return Trajectories(
        setting=problem.setting,
        engine="subspace",
        method="flow",
        adversary=adversary.value,
        learning_rate=0.0,
        relative_tolerance=relative_tolerance,
        seeds=tuple(problem.seeds),
        stopped_because=tuple(stopped),
        noise_gram=as_array(problem.gram),
        **records,
    )


def _integrate(
    system: FlowSystem, writer: _Writer, times: Array, relative_tolerance: float, stop_when_memorized: bool
) -> str:
    """Integrate one run to the last of ``times``; return why it stopped."""
    setting, scale = system.setting, system.time_scale()
    width = setting.width
    sizes = np.empty_like(system.initial)
    sizes[:width], sizes[width:] = np.abs(system.initial[:width]).max(), np.abs(system.initial[width:]).max()
    solver = LSODA(
        lambda s, state: scale * np.exp(s) * system.derivative(state),
        0.0,
        system.initial,
        float(np.log1p(times[-1] / scale)),
        rtol=relative_tolerance,
        atol=1e-3 * relative_tolerance * sizes,
    )
    level = np.full(1 + setting.num_samples, LEARNED_MARGIN)
    level[0] /= setting.clean_gain
    stamps = np.log1p(times / scale)
    learned = system.margins(system.initial) >= level
    writer.event(np.flatnonzero(learned), 0.0)
    writer.checkpoint(0, system.initial)
    due = 1
    for _ in range(MAX_INTEGRATOR_STEPS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # LSODA warns and then reports the same by its status
            solver.step()
        if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
            break
        at = solver.dense_output()
        end = solver.t
        crossed = np.flatnonzero((system.margins(solver.y) >= level) & ~learned)
        for index in crossed:
            stamp = _first_reached(system, at, level, int(index), solver.t_old, end)
            writer.event(np.array([index]), scale * np.expm1(stamp))
        learned[crossed] = True
        memorized = bool(learned[1:].all())
        if memorized and stop_when_memorized:
            end = float(np.log1p(writer.last_memorization / scale))
        while due < times.size and stamps[due] <= end:
            writer.checkpoint(due, at(stamps[due]))
            due += 1
        if solver.status == "finished" or (memorized and stop_when_memorized):
            writer.final(at(end), scale * np.expm1(end))
            return "memorized" if memorized else "horizon"
    writer.records["final_time"][writer.run] = scale * np.expm1(solver.t)
    return "failed"


def _first_reached(
    system: FlowSystem, at: Callable[[float], Array], level: Array, index: int, low: float, high: float
) -> float:
    """A point of (low, high] where margin number ``index`` has just reached its level, to rounding.

    Bisection on the step's interpolant: it needs no sign change beyond the one that was seen at ``high``.
    """
    for _ in range(60):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        reached = bool(system.margins(at(middle))[index] >= level[index])
        low, high = (low, middle) if reached else (middle, high)
    return high


@dataclass(frozen=True)
class _Writer:
    """Writes one run's states into the shared records."""

    system: FlowSystem
    problem: SubspaceProblem
    records: dict[str, NDArray[np.float64]]
    run: int

    @property
    def last_memorization(self) -> float:
        """Time at which the last point was memorized."""
        return float(self.records["memorization_times"][self.run].max())

    def event(self, indices: NDArray[np.int64], time: float) -> None:
        """The margins with these indices (0 the signal, then the points) reached their level at ``time``."""
        for index in indices:
            if index == 0:
                self.records["signal_time"][self.run] = time
            else:
                self.records["memorization_times"][self.run, index - 1] = time

    def checkpoint(self, index: int, state: Array) -> None:
        """Record ``state`` as checkpoint number ``index``."""
        u, v = self.system.split(state)
        margins = self.system.margins(state)
        clean, attacked = (
            float(np.logaddexp(0.0, -(gain * margins[0] + margins[1:])).mean())
            for gain in self.system.gains(margins[0])
        )
        weight = self.system.setting.adversarial_weight
        for name, value in (
            ("signal", margins[0]),
            ("noise_margins", margins[1:]),
            ("objective", (1.0 - weight) * clean + weight * attacked),
            ("signal_projections", u),
            ("weight_gram", self._weight_gram(v)),
        ):
            self.records[name][self.run, index] = value

    def final(self, state: Array, time: float) -> None:
        """Record ``state`` as the end of the run."""
        u, v = self.system.split(state)
        margins = self.system.margins(state)
        for name, value in (
            ("final_time", time),
            ("final_signal", margins[0]),
            ("final_noise_margins", margins[1:]),
            ("final_attacked_margins", self.system.gains(margins[0])[1] * margins[0] + margins[1:]),
            ("final_signal_projections", u),
            ("final_preactivations", v),
            ("final_weight_gram", self._weight_gram(v)),
        ):
            self.records[name][self.run] = value

    def _weight_gram(self, preactivations: Array) -> Array:
        return as_array(self.problem.weight_gram_at(torch.as_tensor(preactivations)[None])[0])
