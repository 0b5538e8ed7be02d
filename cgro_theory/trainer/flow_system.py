"""The right-hand side of the subspace system's gradient flow, in time and in its own clock."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cgro_theory.errors import InvalidInput
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.trainer.subspace_problem import SubspaceProblem

Array = NDArray[np.float64]

CLOCK_FLOOR = 1e-2
"""A projection below this share of its initial size does not make the clock run faster."""


class FlowSystem:
    """The right-hand side of theory.md 2.2.2 for one run, with the state y = (u, v) flattened.

    ``state`` has shape (m + n m,); the derivative is with respect to time. ``signal_sign`` is the sign of U that
    the attack answers to: under ``span`` the derivative jumps where U changes sign, which happens once at most.
    The integrator stops there and goes on with the other sign, or with 0 where both sides drive U back to 0: a
    sliding mode, in which U rests at 0 and all margins are the V_i (docs/theory/over_attack.md, section 9).
    """

    def __init__(self, problem: SubspaceProblem, run: int, adversary: AdversaryName) -> None:
        if adversary is AdversaryName.L2:
            raise InvalidInput("adversary", adversary.value, "transfer or span for the gradient flow")
        self.setting: PatchSetting = problem.setting
        self._span = adversary is AdversaryName.SPAN
        setting, own = problem.setting, problem.select([run])
        self.gram = np.ascontiguousarray(own.gram[0])
        self.signs = np.repeat(own.labels[0], setting.noise_patches)
        self._ones = np.ones(setting.width)
        self._label_scale = self.signs * (setting.degree / setting.num_samples)
        self.weights = np.array([1.0 - setting.adversarial_weight, setting.adversarial_weight])
        self._gains = {sign: np.array(self.gains(sign)) for sign in (-1.0, 1.0)} | {0.0: np.zeros(2)}
        self.initial = np.concatenate([own.signal_projections[0], own.preactivations[0].ravel()])
        self.signal_sign = -1.0 if self.margins(self.initial)[0] < 0 else 1.0
        u, v = self.split(self.initial)
        # The signs of u, and of a single noise patch's v: nothing drives these across 0. shape: (1 or 2, m)
        self.starts: Array = np.sign(self.initial.reshape(-1, setting.width)[: 2 if len(v) == 1 else 1])
        tiny = np.finfo(float).tiny
        self.signal_floor = CLOCK_FLOOR**2 * float(u @ u) + tiny
        self.noise_floors: Array = CLOCK_FLOOR**2 * np.einsum("km,km->k", v, v) + tiny
        self._floors = np.append(self.signal_floor, self.noise_floors)
        self.time_scale = 0.01 / max(self.rate(self.initial, self.derivative(self.initial)), tiny)
        """A hundredth of the time in which the fastest part of the state would change by its own size."""

    def split(self, state: Array) -> tuple[Array, Array]:
        """u, shape (m,), and v, shape (n, m)."""
        width = self.setting.width
        return state[:width], state[width:].reshape(-1, width)

    def margins(self, state: Array) -> Array:
        """U and the V_i side by side. shape: (1 + N,)"""
        u, v = self.split(state)
        signal = float(u @ self.power(u))
        margins: Array = np.concatenate([[signal], self._noise_margins(v, self.power(v))])
        return margins

    def jumps_to(self, state: Array) -> float | None:
        """The sign of U that the attack answers to from this state on, where it is another; else None.

        0 where the attack drives U back to 0 from both sides, once it has got there, whatever the V_i are.
        """
        signal, sign = float(self.margins(state)[0]), self.signal_sign
        if not self._span or sign == 0.0 or sign * signal > 0.0:
            return None
        onwards = float(self.weights @ self._gains[1.0]) > 0.0
        if sign < 0.0:
            return 1.0 if onwards else 0.0
        return 0.0 if signal < 0.0 else None

    @property
    def watched_sign(self) -> float:
        """The sign of U at whose change the derivative jumps; 0 where none does."""
        return self.signal_sign if self._span else 0.0

    @property
    def current_gains(self) -> Array:
        """Factors of U in the clean and the attacked margin, for the sign that the attack answers to."""
        return self._gains[self.signal_sign]

    def gains(self, signal: float) -> tuple[float, float]:
        """Factors of U in the clean and the attacked margin."""
        setting = self.setting
        attacked = setting.attacked_gain
        if self._span and signal < 0:
            attacked = ((2.0 - setting.attacked_signal_fraction) * setting.signal_strength) ** setting.degree
        return setting.clean_gain, attacked

    def derivative(self, state: Array) -> Array:
        """du/dt and dv/dt."""
        setting, rows = self.setting, state.reshape(-1, self.setting.width)
        slopes = self.power(rows)
        # No u_r ever changes its sign, nor does the v of a single noise patch; one that an integrator's error
        # carries past 0 would grow from there for q = 2.
        slopes[: len(self.starts)] *= rows[: len(self.starts)] * self.starts >= 0.0
        margins = (rows * slopes) @ self._ones
        noise = self._of_points(margins[1:] * self.signs)
        gains = self.current_gains
        clean, attacked = self.weights[:, None] * expit(-(gains[:, None] * margins[0] + noise))
        pull = clean + attacked
        factors = np.empty(len(rows))
        factors[0] = (gains[0] * np.add.reduce(clean) + gains[1] * np.add.reduce(attacked)) / setting.num_samples
        factors[0] *= setting.degree
        factors[1:] = pull if setting.noise_patches == 1 else pull.repeat(setting.noise_patches)
        factors[1:] *= self._label_scale
        slopes *= factors[:, None]
        out = np.empty_like(state)
        out[: setting.width] = slopes[0]
        np.dot(self.gram, slopes[1:], out=out[setting.width :].reshape(-1, setting.width))
        return out

    def rate(self, state: Array, derivative: Array) -> float:
        """How fast the state changes relative to its own size: a smooth maximum over u and the patches' v.

        (Σ (‖ẏ‖/‖y‖)^4)^(1/4) over those 1 + n parts: between the maximum and (1 + n)^(1/4) times it.
        """
        rows, moved = (each.reshape(-1, self.setting.width) for each in (state, derivative))
        squares = ((moved * moved) @ self._ones) / ((rows * rows) @ self._ones + self._floors)
        return math.sqrt(math.sqrt(float(squares @ squares)))

    def in_clock(self, clock: float, extended: Array) -> Array:
        """The derivative of (u, v, τ) with respect to a clock that ticks once per relative change of the state.

        τ = log(1 + t/t_c), t_c the time scale. One tick is the time 1/(1/(t + t_c) + rate): the blow-ups of
        the growth phases become exponentials, and rest becomes logarithmic time (a Sundman transformation).
        """
        del clock
        state = extended[:-1]
        derivative = self.derivative(state)
        inverse_age = np.exp(-extended[-1]) / self.time_scale
        tick = 1.0 / (inverse_age + self.rate(state, derivative))
        out = np.empty_like(extended)
        np.multiply(derivative, tick, out=out[:-1])
        out[-1] = tick * inverse_age
        return out

    def time_at(self, log_time: float) -> float:
        """t from τ = log(1 + t/t_c)."""
        return float(self.time_scale * np.expm1(log_time))

    def log_time(self, time: float | Array) -> Array:
        """τ = log(1 + t/t_c) from t."""
        return np.asarray(np.log1p(np.asarray(time) / self.time_scale))

    def power(self, values: Array) -> Array:
        """|values|^(q-1), by multiplications for the usual degrees."""
        if self.setting.degree == 2:
            return np.abs(values)
        squares = values * values
        if self.setting.degree == 3:
            return squares
        return np.asarray(squares ** ((self.setting.degree - 1) / 2))

    def _noise_margins(self, v: Array, slopes: Array) -> Array:
        """V_i from v and |v|^(q-1). shape: (N,)"""
        return self._of_points(np.einsum("km,km->k", v, slopes) * self.signs)

    def _of_points(self, per_patch: Array) -> Array:
        """Sums over the patches of each point. shapes: (n,) -> (N,)"""
        if self.setting.noise_patches == 1:
            return per_patch
        return np.asarray(per_patch.reshape(self.setting.num_samples, -1).sum(axis=1))
