"""How the two times grow with the dimension, to leading order (theory.md 2.4): α = d^a, σ = d^b, σ0 = d^-s."""

from __future__ import annotations


def signal_time_exponent(degree: int, a: float, s: float) -> float:
    """The exponent of T_I in d: -q a + (q-2) s.

    >>> signal_time_exponent(3, 0.25, 0.5)
    -0.25
    """
    return -degree * a + (degree - 2) * s


def memorization_time_exponent(degree: int, b: float, s: float) -> float:
    """The exponent of T_III in d: (q-2)(s - b - 1/2) - (2b + 1).

    >>> memorization_time_exponent(3, -0.5, 0.5)
    0.5
    """
    return (degree - 2) * (s - b - 0.5) - (2 * b + 1)
