"""What the leading orders need of an initial draw, without a draw: the expected maximum of n standard normals."""

from __future__ import annotations

import math

from cgro_theory.errors import require_integer

_REACH = 42.0
_NEGLIGIBLE = -50.0


def expected_maximum(count: int) -> float:
    """E max of n independent standard normals, ∫ x n φ(x) Φ(x)^(n-1) dx, n >= 1 of any size up to 10^300.

    The integrand is analytic and decays like a normal density, so the trapezoidal rule is exact to rounding: the
    relative error is below 1e-12. 0 for n = 1. Single draws scatter around it by about 1/√(2 log n).

    >>> round(expected_maximum(2) * math.sqrt(math.pi), 12), round(expected_maximum(24), 6)
    (1.0, 1.947674)
    """
    draws = require_integer("count", count, 1, 10**300)
    if draws == 1:
        return 0.0
    log_count, total = math.log(draws), 0.0
    # The density of the maximum is about 1/√(2 log n) wide.
    step = 1.0 / (12.0 + 12.0 * math.sqrt(2.0 * log_count))
    for index in range(1, int(_REACH / step) + 1):
        x = index * step
        # The point and its mirror image together: x n φ(x) [Φ(x)^(n-1) - Φ(-x)^(n-1)] without cancellation.
        tail = 0.5 * math.erfc(x / math.sqrt(2.0))
        log_larger = (draws - 1) * math.log1p(-tail)
        exponent = log_count - 0.5 * x * x + log_larger
        if exponent < _NEGLIGIBLE:
            if x > 1.0 and log_larger > -1.0:
                break
            continue
        odds = (draws - 1) * (math.log(tail) - math.log1p(-tail)) if tail > 0.0 else -math.inf
        total += x * math.exp(exponent) * -math.expm1(odds)
    return total * step / math.sqrt(2.0 * math.pi)
