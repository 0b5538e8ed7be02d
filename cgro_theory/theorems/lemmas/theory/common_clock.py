"""The common clock of the signal projections (theory.md 2.2.5), and enclosures of descent in it.

In gradient flow every u_r obeys du/dτ = phi_q'(u) with one clock τ, dτ = g dt. So the whole vector u is a
function of one number; here that number is the largest projection s, because τ itself loses all its digits
near the blow-up. Descent is explicit Euler in this clock with steps h = η g, and lags it by a factor that
depends only on ρ = h q s^(q-2): one step moves s^(2-q) by q (q-2) h [1 - (1+ρ)^(2-q)] / ((q-2) ρ).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Interval
from cgro_theory.errors import InvalidInput

Array = NDArray[np.float64]
_GRID_POINTS = 3000
"""The resolution of an enclosure in the leader; its bounds stay valid for any."""


def flow_projections(initial: Array, leader: Array, degree: int) -> Array:
    """u_r when the largest projection has grown to ``leader``. shapes: (m,), (k,) -> (k, m)

    |u_r|^(2-q) has moved by as much as the leader's: down for u_r > 0, up for u_r < 0 (q = 2: log u_r up,
    log |u_r| down). Needs max(initial) > 0 and leader >= max(initial).
    """
    largest = _largest(initial)
    if degree == 2:
        growth = leader[:, None] / largest
        return np.where(initial > 0, initial * growth, initial / growth)
    power = degree - 2
    # In units of the largest start, and with 1 taken off first: the leader keeps its digits as its power vanishes.
    passed = (leader[:, None] / largest) ** -power
    with np.errstate(divide="ignore", over="ignore"):
        ahead = np.expm1(-power * np.log(np.abs(initial) / largest))
        left = np.where(initial > 0, ahead + passed, ahead + 2.0 - passed)
        size = largest * np.where(left > 0, left, 0.0) ** (-1.0 / power)
        size = np.where(initial > 0, np.minimum(size, leader[:, None]), size)
    return np.where(initial == 0, 0.0, np.sign(initial) * size)


def _moved(initial: Array, moved: Array, degree: int) -> Array:
    """u_r after |u_r|^(2-q) has moved by ``moved`` (k, 1), q > 2; inf past the blow-up."""
    power = degree - 2
    # A projection so small that its power overflows stands still, as it should: inf - moved = inf.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        start = np.abs(initial) ** -power
        after = np.where(initial > 0, start - moved, start + moved)
        size = np.where(after > 0, after, 0.0) ** (-1.0 / power)
    return np.where(initial == 0, 0.0, np.sign(initial) * size)


ROUNDING = 1e-12
"""Relative slack of an enclosure's sums, far above their rounding in float64."""


def clock_between(low: Array, high: Array, degree: float) -> Array:
    """The clock τ that a projection needs from ``low`` to ``high``, both > 0: ∫ du/phi_q'(u)."""
    if degree == 2:
        return np.asarray(np.log(high / low) / 2.0)
    power = degree - 2
    return np.asarray((low**-power - high**-power) / (degree * power))


@dataclass(frozen=True)
class ClockEnclosure:
    """Bounds along a trajectory of descent, or of flow when the learning rate is 0.

    At a step whose largest projection is ``leader[k]``, U lies between ``low_signal[k]`` and
    ``high_signal[k]``, and the time between ``low_time[k]`` and ``high_time[k]``. All arrays increase.
    """

    leader: Array
    low_signal: Array
    high_signal: Array
    low_time: Array
    high_time: Array
    learning_rate: float

    def time_of_signal(self, signal: float) -> Interval:
        """Enclosure of the first time with U >= ``signal``, interpolated within a step.

        The upper end is inf beyond the range that was followed.
        """
        if self.low_signal[0] >= signal:
            return Interval(0.0, 0.0)
        first = int(np.searchsorted(self.high_signal, signal))
        last = int(np.searchsorted(self.low_signal, signal))
        low = float(self.low_time[max(0, first - 1)]) - self.learning_rate
        high = float(self.high_time[last]) if last < self.high_time.size else np.inf
        return Interval(max(0.0, low), high + self.learning_rate)

    def signal_at_time(self, time: float) -> Interval:
        """Enclosure of U at ``time``; upper end inf beyond the range that was followed."""
        slowest = int(np.searchsorted(self.high_time, time, side="right")) - 1
        fastest = int(np.searchsorted(self.low_time, time))
        low = float(self.low_signal[max(0, slowest)])
        high = float(self.high_signal[fastest]) if fastest < self.high_signal.size else np.inf
        return Interval(low, max(low, high))  # at the start both are U(0), up to rounding


def enclose_signal(
    initial: Array,
    degree: int,
    gain: Callable[[Array, float], Array],
    *,
    noise_margin_bound: float,
    learning_rate: float,
    final_signal: float,
) -> ClockEnclosure:
    """Enclose the growth of U = Σ phi_q(u_r) from the projections ``initial``, shape (m,).

    Args:
        gain: the function (U, V) -> g of theory.md 2.2.2 when every noise margin equals V; decreasing in both.
        noise_margin_bound: a bound of |V_i| while U grows to ``final_signal``.
        learning_rate: η of descent, 0 for the flow.
        final_signal: follow until the lower bound of U reaches this.

    Lower bound of U at leader s: every other projection has moved at least as far in the clock as the leader,
    since a step's lag grows with ρ. Upper bound: none has moved farther than the sum of all steps h, which is
    the leader's clock times its lag. Times: dt = dτ/g, with g between its values at the two bounds of U.
    """
    largest = _largest(initial)
    top = largest
    while _signal(flow_projections(initial, np.array([top]), degree), degree)[0] < final_signal:
        top *= 1.25
    leader = np.geomspace(largest, max(top, largest * 1.001), _GRID_POINTS)
    low_signal = _signal(flow_projections(initial, leader, degree), degree)
    # A bound from above may be raised: a gain that underflows would divide by 0 below.
    fastest_gain = np.maximum(gain(low_signal, -noise_margin_bound), np.finfo(float).tiny)
    steps = learning_rate * fastest_gain
    ratio = steps * degree * leader ** (degree - 2)
    lag = euler_lag(ratio, degree)
    clocks = clock_between(leader[:-1], leader[1:], degree)
    lagged = np.concatenate([[0.0], np.cumsum(clocks * np.maximum(lag[:-1], lag[1:]))])
    high_signal = _upper_signal(initial, leader, lagged, float(steps.max()), degree)
    high_signal = np.maximum.accumulate(high_signal)
    slowest_gain = gain(high_signal, noise_margin_bound)
    with np.errstate(divide="ignore", over="ignore"):
        fast = clocks / fastest_gain[:-1]
        slow = clocks * np.maximum(lag[:-1], lag[1:]) / slowest_gain[1:]
    missed = learning_rate * _riemann_loss(leader, ratio, 1.0 / fastest_gain)
    low_time = np.maximum.accumulate(np.concatenate([[0.0], np.cumsum(fast)]) - missed)
    high_time = np.concatenate([[0.0], np.cumsum(slow)])
    # A cell's clock is the difference of two powers that are nearly equal; every sum and power rounds besides.
    slack = ROUNDING + 8.0 * np.finfo(float).eps / (max(1, degree - 2) * np.log(leader[1] / leader[0]))
    low_time, high_time = low_time * (1.0 - slack), high_time * (1.0 + slack)
    # A sum of both signs rounds by its terms' sizes; those below 0 only shrink.
    below_zero = 2.0 * float((np.abs(initial[initial < 0]) ** degree).sum())
    low_signal = low_signal - ROUNDING * (np.abs(low_signal) + below_zero)
    high_signal = high_signal + ROUNDING * (np.abs(high_signal) + below_zero)
    return ClockEnclosure(leader, low_signal, high_signal, low_time, high_time, learning_rate)


def _largest(initial: Array) -> float:
    largest = float(initial.max())
    if not largest > 0:
        raise InvalidInput("max(initial)", largest, "> 0: no neuron grows toward the signal")
    return largest


def _signal(projections: Array, degree: int) -> Array:
    return np.asarray((np.sign(projections) * np.abs(projections) ** degree).sum(-1))


def euler_lag(ratio: Array, degree: int) -> Array:
    """Clock of Euler's steps over the clock that they gain, at the relative step ρ = ``ratio``: 1 at 0.

    A step takes s to s(1+ρ); its own clock is ρ s^(2-q)/q. Any shape.
    """
    if degree == 2:
        return np.where(ratio > 0, ratio / np.log1p(np.where(ratio > 0, ratio, 1.0)), 1.0)
    power = degree - 2
    gained = -np.expm1(-power * np.log1p(ratio))
    return np.where(gained > 0, power * ratio / np.where(gained > 0, gained, 1.0), 1.0)


def _riemann_loss(leader: Array, ratio: Array, slowness: Array) -> Array:
    """What the left sum Σ h_t f(s_t) misses of ∫ f dτ, in steps, f = ``slowness`` increasing; cumulative.

    A step moves s to at most s (1+ρ) and h_t f(s_t) <= η, so it misses at most η (f(s_{t+1})/f(s_t) - 1); with
    log f growing by at most x per step the sum is at most η (e^x - 1)/x · log(f/f_0).
    """
    log_slowness = np.log(slowness)
    jump = float((np.interp(leader * (1.0 + ratio), leader, log_slowness) - log_slowness).max())
    growth = np.maximum.accumulate(log_slowness - log_slowness[0])
    return growth * (np.expm1(jump) / jump if jump > 0 else 1.0)


def _upper_signal(initial: Array, leader: Array, lagged: Array, step: float, degree: int) -> Array:
    """U when positive projections have moved by the clock ``lagged`` and negative ones by what Euler adds."""
    shrink = step * degree * float(np.abs(initial[initial < 0]).max(initial=0.0)) ** (degree - 2)
    if degree == 2:
        shrink = 2.0 * step if np.any(initial < 0) else 0.0
    if shrink >= 1:
        negative = np.zeros((leader.size, initial.size))
    elif degree == 2:
        faster = -np.log1p(-shrink) / shrink if shrink > 0 else 1.0
        negative = initial * np.exp(-2.0 * faster * lagged[:, None])
    else:
        power = degree - 2
        faster = np.expm1(-power * np.log1p(-shrink)) / (power * shrink) if shrink > 0 else 1.0
        negative = _moved(initial, (degree * power * faster * lagged)[:, None], degree)
    if degree == 2:
        positive = initial * np.exp(2.0 * lagged)[:, None]
    else:
        positive = _moved(initial, (degree * (degree - 2) * lagged)[:, None], degree)
    bounded = np.minimum(np.where(initial > 0, positive, 0.0), leader[:, None])
    return _signal(np.where(initial > 0, bounded, negative), degree)
