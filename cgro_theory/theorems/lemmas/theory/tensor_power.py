"""Tensor power iteration: when z_{t+1} = z_t + A z_t^(q-1) first reaches a level (theory.md 2.3)."""

from __future__ import annotations

import math

from cgro_theory.claims import Interval
from cgro_theory.errors import InvalidInput, require_finite, require_integer


def tensor_power_time_bracket(
    initial_value: float, level: float, low_rate: float, high_rate: float, degree: int
) -> Interval:
    """Enclosure of the first T with z_T >= level, in steps, when every A_t lies in [low_rate, high_rate].

    T_c(A_hi) <= T <= (1 + ρ)^(q-1) T_c(A_lo) + 1 with T_c(A) = (z_0^(2-q) - v^(2-q)) / (A (q-2)) and
    ρ = A_hi v^(q-2); for q = 2, log(v/z_0)/log(1 + A) rounded up on either side. Needs z_0 > 0, v > z_0,
    0 < A_lo <= A_hi and q >= 2; else :class:`InvalidInput`. Ends are rounded outward.

    >>> bracket = tensor_power_time_bracket(0.1, 1.0, 0.01, 0.01, 3)
    >>> round(bracket.low), math.ceil(bracket.high)
    (900, 920)
    """
    require_integer("degree", degree, 2)
    for name, value in (("initial_value", initial_value), ("low_rate", low_rate), ("high_rate", high_rate)):
        if require_finite(name, value, "a finite number > 0") <= 0:
            raise InvalidInput(name, value, "a finite number > 0")
    if require_finite("level", level, "above initial_value") <= initial_value:
        raise InvalidInput("level", level, f"above initial_value ({initial_value})")
    if high_rate < low_rate:
        raise InvalidInput("high_rate", high_rate, f">= low_rate ({low_rate})")
    if degree == 2:
        growth = math.log(level / initial_value)
        low, high = growth / math.log1p(high_rate), growth / math.log1p(low_rate) + 1.0
    else:
        power = degree - 2
        gap = (initial_value**-power - level**-power) / power
        overshoot = (1.0 + high_rate * level**power) ** (degree - 1)
        low, high = gap / high_rate, overshoot * gap / low_rate + 1.0
    slack = 1e-12 * high
    return Interval(max(0.0, low - slack), high + slack)
