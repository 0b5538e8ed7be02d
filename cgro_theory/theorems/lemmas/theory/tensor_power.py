"""Tensor power iteration: when z_{t+1} = z_t + A z_t^(q-1) first reaches a level (theory.md 2.3)."""

from __future__ import annotations

import math

from cgro_theory.claims import Condition, Interval, Prediction, unmet

DEGREE = Condition("degree", "q >= 2", "the activation has degree q >= 2")
GROWTH = Condition("growth", "0 < z_0 < v", "the start is above 0 and the level above the start")
RATES = Condition("rates", "0 < A_lo <= A_hi", "the rates are positive, and bounded from both sides")


def predict_tensor_power_time(
    initial_value: float, level: float, low_rate: float, high_rate: float, degree: float
) -> Prediction:
    """Enclosure of the first T with z_T >= level, in steps, when every A_t lies in [low_rate, high_rate].

    T_c(A_hi) <= T <= (1 + ρ)^(q-1) T_c(A_lo) + 1 with T_c(A) = (z_0^(2-q) - v^(2-q)) / (A (q-2)) and
    ρ = A_hi v^(q-2); for q = 2, log(v/z_0)/log(1 + A) rounded up on either side (theory.md 2.3). Ends are
    rounded outward; no interval where DEGREE, GROWTH or RATES does not hold.

    >>> bracket = predict_tensor_power_time(0.1, 1.0, 0.01, 0.01, 3).interval
    >>> round(bracket.low), math.ceil(bracket.high)
    (900, 920)
    """
    assumed = (
        DEGREE.given(q=degree),
        GROWTH.given(z_0=initial_value, v=level),
        RATES.given(A_lo=low_rate, A_hi=high_rate),
    )
    if unmet(assumed):
        return Prediction(None, assumed)
    if degree == 2:
        growth = math.log(level / initial_value)
        low, high = growth / math.log1p(high_rate), growth / math.log1p(low_rate) + 1.0
    else:
        power = degree - 2
        gap = (initial_value**-power - level**-power) / power
        overshoot = (1.0 + high_rate * level**power) ** (degree - 1)
        low, high = gap / high_rate, overshoot * gap / low_rate + 1.0
    slack = 1e-12 * high
    return Prediction(Interval(max(0.0, low - slack), high + slack), assumed)
