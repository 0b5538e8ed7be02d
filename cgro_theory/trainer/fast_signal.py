"""An implicit integrator for a signal at rest: beyond α (κ < 0) it relaxes far faster than any noise moves.

Every u_r obeys du/ds = φ_q'(u) in one clock s (docs/theory/theorem_1.md, 2.2.5), so the signal is one number, here
x = log |u_L / u_L(start)| of the neuron L with the largest |u|. The system of (x, v, τ) is stiff in x alone.
Radau's collocation with seven stages (order 13) takes x implicitly, by Newton's method, and the rest by
fixed-point sweeps; its steps are those of the noise, however fast the signal is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, roots_jacobi

from cgro_theory.trainer.flow_system import FlowSystem

Array = NDArray[np.float64]

STAGES = 7
STIFF = 2.0
"""Relaxations of the signal in one tick of the noise's clock from which on the implicit integrator takes over."""
MOST_SWEEPS = 12
"""Fixed-point sweeps of one step; a step that needs more is tried again with half its length."""
SWEPT = 0.1
"""Sweeps end when the stages move by less than this, in units of the tolerance."""
FIRST = 0.05
"""The first step, in relaxations of the signal or in ticks."""
SHORTEST = 1e-18
"""A step cut to this many ticks cannot be taken."""
SMALLEST_CHANGE, LARGEST_CHANGE = 0.2, 2.5
"""Of the length from one step to the next."""
SAFETY = 0.75
"""Share of the length that the error's estimate allows."""
ORDER = 2 * (STAGES + 1) - (STAGES + 1) // 2 - 1
"""The power of the length with which that estimate grows."""
ERROR = 0.003
"""Factor of the estimate: a step's end is far more accurate than its slope at the start."""
MARGIN_SHARE = 0.3
"""Ticks per unit of a noise margin: the pulls fall like e^-V, also where v hardly changes any more."""


@dataclass(frozen=True)
class _Radau:
    """Nodes c, the matrix A and its inverse, and the Lagrange basis of the nodes with 0, of one collocation."""

    nodes: Array
    matrix: Array
    inverse: Array
    basis: Array
    """Coefficients, highest power first, of the polynomials that are 1 at 0, c_1, …, c_s. shape: (s + 1, s + 1)"""
    at_zero: Array
    """Weights that extrapolate a slope from all nodes to 0, and from every second one. shape: (2, s)"""

    def at(self, places: Array) -> Array:
        """Values of the basis polynomials. shapes: (k,) -> (k, s + 1)"""
        return np.asarray(np.vander(places, STAGES + 1) @ self.basis.T)


@functools.cache
def _radau() -> _Radau:
    nodes = np.append((1.0 + np.asarray(roots_jacobi(STAGES - 1, 1.0, 0.0)[0], dtype=np.float64)) / 2.0, 1.0)
    powers = np.arange(1, STAGES + 1)
    integrals: Array = np.asarray(nodes[:, None] ** powers / powers, dtype=np.float64)
    matrix = np.asarray(np.linalg.solve(np.vander(nodes, increasing=True).T, integrals.T).T, dtype=np.float64)
    basis = np.linalg.inv(np.vander(np.append(0.0, nodes))).T
    sparse = np.zeros(STAGES)
    sparse[::2] = _at_zero(nodes[::2])
    inverse = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    return _Radau(nodes, matrix, inverse, basis, np.stack([_at_zero(nodes), sparse]))


def _at_zero(nodes: Array) -> Array:
    return np.linalg.solve(np.vander(nodes, increasing=True).T, np.eye(nodes.size)[0])


class _Reduced:
    """(x, v, τ) of one run and their slopes in the noise's clock, for several stages at once.

    The clock ticks once per relative change of the noise, some times more while margins V_i grow, or once per
    relative change of time where nothing moves.
    """

    def __init__(self, system: FlowSystem, state: Array) -> None:
        self.system, setting = system, system.setting
        self.degree, self.samples = setting.degree, setting.num_samples
        u, self.shape = system.split(state)[0], system.split(state)[1].shape
        self.signs = np.sign(u)
        self.start = np.abs(u)
        self.largest = int(self.start.argmax())
        self.towards = self.signs[self.largest]
        ratio = self.start / self.start[self.largest]
        self.shares = self.signs * self.towards * ratio ** (self.degree - 2)
        self.gains, self.weights = (part[:, None, None] for part in (system.current_gains, system.weights))
        self.drives = self.gains * self.weights / self.samples
        self.label_scale = system.signs * (self.degree / self.samples)

    def projections(self, x: Array) -> Array:
        """|u_r| at x = log |u_L / u_L(start)|. shapes: (s,) -> (s, m)"""
        power = self.degree - 2
        if power == 0:
            sizes = self.start * np.exp(x[:, None] * (self.signs * self.towards))
        else:
            left = 1.0 + self.shares * np.expm1(-power * x)[:, None]
            sizes = self.start * left ** (-1.0 / power)
        return np.asarray(sizes)

    def signal(self, x: Array, noise: Array) -> tuple[Array, Array]:
        """dx/dt and its derivative in x. shapes: (s,), (s, N) -> (s,), (s,)"""
        degree = self.degree
        shares, sizes, powers = self._shares(x, noise)
        largest = sizes[:, self.largest] ** (degree - 2)
        margin_slope = degree * self.towards / largest * np.einsum("sr,sr->s", powers, powers)
        driven = self.drives * shares
        gain = driven.sum(axis=(0, 2))
        gain_slope = np.einsum("esi,esi->s", driven * self.gains, shares - 1.0)
        speed = self.towards * degree * largest
        return speed * gain, speed * ((degree - 2) * gain + gain_slope * margin_slope)

    def pulls(self, x: Array, noise: Array) -> Array:
        """ψ̃ of every point. shapes: (s,), (s, N) -> (s, N)"""
        clean, attacked = self.weights * self._shares(x, noise)[0]
        return np.asarray(clean + attacked)

    def _shares(self, x: Array, noise: Array) -> tuple[Array, Array, Array]:
        """ψ of the clean and the attacked margins, |u_r| and |u_r|^(q-1). shapes: (2, s, N), (s, m), (s, m)"""
        sizes = self.projections(x)
        powers = self.system.power(sizes)
        margin = (sizes * powers) @ self.signs
        return expit(-(self.gains * margin[:, None] + noise)), sizes, powers

    def noise(self, v: Array) -> tuple[Array, Array]:
        """V_i and |v|^(q-1). shapes: (s, n, m) -> (s, N), (s, n, m)"""
        slopes = self.system.power(v)
        if len(self.system.starts) > 1:
            slopes *= v * self.system.starts[1:] >= 0.0
        per_patch = np.einsum("skm,skm->sk", v, slopes) * self.system.signs
        if self.samples < per_patch.shape[1]:
            per_patch = per_patch.reshape(v.shape[0], self.samples, -1).sum(axis=2)
        return per_patch, slopes

    def moved(self, v: Array, slopes: Array, pulls: Array, log_time: Array) -> tuple[Array, Array, Array]:
        """One tick's time, and the slopes of v and τ in the clock. shapes: (s,), (s, n, m), (s,)"""
        system, patches = self.system, self.system.setting.noise_patches
        pull = pulls if patches == 1 else pulls.repeat(patches, axis=1)
        pull = pull * self.label_scale
        slope = system.gram @ (slopes * pull[:, :, None])
        sizes = np.einsum("skm,skm->sk", v, v) + system.noise_floors
        rate = np.einsum("skm,skm->sk", slope, slope) / sizes
        rate += (MARGIN_SHARE * self.degree * np.einsum("skm,skm->sk", slopes, slope)) ** 2
        age = np.exp(-log_time) / system.time_scale
        tick = 1.0 / (age + np.einsum("sk,sk->s", rate, rate) ** 0.25)
        return tick, slope * tick[:, None, None], tick * age

    def slopes(self, packed: Array) -> tuple[Array, float, float]:
        """The slope of one (x, v, τ) in the clock, the derivative of dx/dt in x, and one tick's time."""
        x, v, log_time = packed[:1], packed[1:-1].reshape(1, *self.shape), packed[-1:]
        noise, powers = self.noise(v)
        speed, stiffness = self.signal(x, noise)
        tick, slope, age = self.moved(v, powers, self.pulls(x, noise), log_time)
        return np.concatenate([speed * tick, slope.ravel(), age]), float(stiffness[0]), float(tick[0])


def relaxations(system: FlowSystem, state: Array) -> float:
    """How often the signal relaxes in one tick of the noise's clock, to its rest or to 0; negative while it grows.

    ``state``: (u, v, τ).
    """
    if not np.any(system.split(state[:-1])[0]):
        return 0.0
    reduced = _Reduced(system, state[:-1])
    slope, stiffness, tick = reduced.slopes(np.append(0.0, state[system.setting.width :]))
    return max(-stiffness * tick, -float(slope[0]))


class FastSignalSolver:
    """Steps of (u, v, τ), with the attributes of scipy's integrators that the flow uses.

    Args:
        system: the right-hand side, with the sign of U that the attack answers to.
        state: (u, v, τ), some u_r not 0.
        relative, absolute: tolerances of every entry of the state; the first of ``relative`` is that of x.
    """

    def __init__(self, system: FlowSystem, state: Array, relative: Array, absolute: Array) -> None:
        # The clock begins at 0: the first steps may be far shorter than what two floats near 10 differ by.
        self.t, self.t_old, self.status = 0.0, 0.0, "running"
        self.y = state.copy()
        width = system.setting.width
        self._reduced = _Reduced(system, state[:-1])
        self._relative = np.concatenate([relative[:1], relative[width:]])
        self._absolute = np.concatenate([relative[:1], absolute[width:]])
        self._packed = np.concatenate([[0.0], state[width:]])
        self._slope, stiffness, tick = self._reduced.slopes(self._packed)
        self._length = FIRST / (1.0 + abs(stiffness) * tick)
        self._last: tuple[float, Array] | None = None

    def step(self) -> None:
        """Take one step, as long as the tolerance allows."""
        length = self._length
        while length > SHORTEST:
            found = self._stages(length)
            if found is None:
                length *= 0.5
                continue
            stages, slopes, sweeps = found
            error = self._error(length, stages[-1], slopes)
            change = SAFETY * max(error, 1e-16) ** (-1.0 / ORDER)
            if error > 1.0 or not math.isfinite(error):
                length *= min(0.5, max(SMALLEST_CHANGE, change)) if math.isfinite(change) else 0.5
                continue
            self.t_old, self.t = self.t, self.t + length
            self._last = length, np.vstack([self._packed, stages])
            self._packed, self._slope = stages[-1], slopes[-1]
            self.y = self._unpacked(self._packed)
            self._length = length * min(LARGEST_CHANGE, max(SMALLEST_CHANGE, change))
            if sweeps > MOST_SWEEPS // 2:
                self._length = min(self._length, length)
            return
        self.status = "failed"

    def dense_output(self) -> Callable[[float], Array]:
        """The last step's collocation polynomial, as a function of the clock."""
        assert self._last is not None
        length, values = self._last
        start = self.t_old
        return lambda clock: self._unpacked(_radau().at(np.array([(clock - start) / length]))[0] @ values)

    def _unpacked(self, packed: Array) -> Array:
        u = self._reduced.projections(packed[:1])[0] * self._reduced.signs
        return np.concatenate([u, packed[1:]])

    def _predicted(self, length: float) -> Array:
        """The stages on the last step's polynomial, or at rest."""
        if self._last is None:
            return np.repeat(self._packed[None], STAGES, axis=0)
        last, values = self._last
        return _radau().at(1.0 + _radau().nodes * (length / last)) @ values

    def _stages(self, length: float) -> tuple[Array, Array, int] | None:
        """The stages, shape (s, 1 + nm + 1), their slopes, and the sweeps they took; None where they are not
        found."""
        radau, reduced, start = _radau(), self._reduced, self._packed
        stages, scale = self._predicted(length), self._absolute + self._relative * np.abs(start)
        shape, identity = (STAGES, *reduced.shape), np.eye(STAGES)
        slopes, last, x = np.empty_like(stages), math.inf, stages[:, 0]
        noise, powers = reduced.noise(stages[:, 1:-1].reshape(shape))
        for sweep in range(1, MOST_SWEEPS + 1):
            v = stages[:, 1:-1].reshape(shape)
            tick, slope, ages = reduced.moved(v, powers, reduced.pulls(x, noise), stages[:, -1])
            slopes[:, 1:-1], slopes[:, -1] = slope.reshape(STAGES, -1), ages
            swept = start + length * (radau.matrix @ slopes)
            noise, powers = reduced.noise(swept[:, 1:-1].reshape(shape))
            speed, stiffness = reduced.signal(x, noise)
            excess = x - start[0] - length * (radau.matrix @ (tick * speed))
            x = x - np.linalg.solve(identity - length * radau.matrix * (tick * stiffness), excess)
            swept[:, 0] = x
            slopes[:, 0] = radau.inverse @ (x - start[0]) / length
            moved = (swept - stages) / scale
            change = math.sqrt(float(np.einsum("sk,sk->s", moved, moved).max()) / scale.size)
            stages = swept
            if not math.isfinite(change) or change > 10.0 * last:
                return None
            if change <= SWEPT:
                return stages, slopes, sweep
            last = change
        return None

    def _error(self, length: float, end: Array, slopes: Array) -> float:
        """The step's error in units of the tolerance: of two extrapolations of the slope to the step's start."""
        scale = self._absolute + self._relative * np.maximum(np.abs(self._packed), np.abs(end))
        fine, coarse = (
            ERROR * length * _size((self._slope - weights @ slopes) / scale) for weights in _radau().at_zero
        )
        return fine * fine / math.hypot(fine, 0.1 * coarse) if fine > 0.0 else 0.0


def _size(scaled: Array) -> float:
    """The root mean square over the noise, or the entry of the signal or of time where that is larger."""
    noise = scaled[1:-1]
    return max(abs(float(scaled[0])), abs(float(scaled[-1])), math.sqrt(float(noise @ noise) / noise.size))
