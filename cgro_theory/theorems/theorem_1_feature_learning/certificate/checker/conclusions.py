"""What follows from all steps: times, margins and errors; and whether that implies what the file claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb, arb_mat

from .flow import Flow
from .reading import Grid, Refused, ball, each, exact, high, low
from .steps import Box, Checker, Moment


def conclude(checker: Checker, moments: Sequence[Moment]) -> dict[str, Any]:
    """What follows from all steps: intervals [low, high], bounds of errors. Margins and errors are at ``end``.

    The times contain the first with z >= 1 and with some V_i >= 1; z never falls, as κ >= 0.
    """
    if len(moments) != checker.steps * checker.pieces:
        raise Refused("not every step was checked")
    starts = [arb(0)]
    for duration in checker.durations:
        starts += [starts[-1] + exact(duration) * k / checker.pieces for k in range(1, checker.pieces + 1)]

    def first(highs: Sequence[float], lows: Sequence[float], what: str) -> list[float]:
        begun, reached = (next((k for k, end in enumerate(ends) if end >= 1), None) for ends in (highs, lows))
        if begun is None or reached is None:
            raise Refused(f"{what} is not reached")
        return [max(0.0, low(starts[begun])), high(starts[reached + 1])]

    columns = list(zip(*moments, strict=True))
    flow, last = checker.flow, checker.steps - 1
    step, (x_bound, b_bound, s_bound) = checker.step(last), checker.bounds(last, checker.pieces)
    box = Box(step, step.duration, x_bound, s_bound)
    z, attacked = box.signal_margin, flow.gains[1] / flow.gains[0] * box.signal_margin
    covariance = covariance_of(flow, each(lambda p, bound: ball(p(step.duration), bound), step.b, b_bound))
    right = [all(margin + v > 0 for v in box.margins) for margin in (z, attacked)]
    return {
        "signal_time": first(columns[0], columns[2], "the signal"),
        "memorization_time": first(columns[1], columns[3], "memorization"),
        "end": [low(starts[-1]), high(starts[-1])],
        "signal_margin": [low(z), high(z)],
        "noise_margins": [[low(v), high(v)] for v in box.margins],
        "clean_train_error": 0.0 if right[0] else 1.0,
        "robust_train_error": 0.0 if right[1] and attacked >= 0 else 1.0,
        "log10_clean_test_error": log10_clean_error(flow, z, covariance),
        "robust_test_error": robust_error(flow, attacked, covariance),
    }


def covariance_of(flow: Flow, b: Grid) -> Grid:
    """σ² times the Gram matrix of the weights orthogonal to the signal: a fresh patch's (<w_r, ξ>) has it."""
    mixed = b.T @ flow.start
    return (flow.gram + mixed + mixed.T + b.T @ flow.coupling @ b) * flow.noise**2


def log10_clean_error(flow: Flow, z: arb, covariance: Grid) -> float:
    """An upper bound: |V| > z needs some |<w_r, ξ_j>| above (z / (J Σ_r C_rr^(q/2)))^(1/q) C_rr^(1/2)."""
    q, patches, variances = flow.q, flow.patches, np.diag(covariance)
    reach = ((z / (sum(c.sqrt() ** q for c in variances) * patches)).log() / q).exp()
    # P(N > r) <= exp(-r²/2) / (r √(2π)) for a standard normal N and r > 0.
    log_bound = (arb(patches * len(variances)) / (reach * (2 * arb.pi()).sqrt())).log() - reach**2 / 2
    return min(0.0, high(log_bound / arb(10).log()))


def robust_error(flow: Flow, attacked: arb, covariance: Grid) -> float:
    """A lower bound: given all but one normal direction, |V| <= z̃ confines one <w_r, ξ_j>, of conditional
    variance 1 / (C^-1)_rr, to an interval no longer than 2 z̃^(1/q)."""
    try:
        inverse = arb_mat(covariance.tolist()).inv()
    except ZeroDivisionError:
        raise Refused("the covariance of a fresh patch may be singular") from None
    variance = max(low(1 / inverse[r, r]) for r in range(len(covariance)))
    if not (attacked >= 0 and variance > 0):
        raise Refused("the robust test error has no bound")
    root = (attacked.log() / flow.q).exp() if attacked > 0 else arb(0)
    return max(0.0, low((root / (2 * exact(variance)).sqrt()).erfc() / 2))


def require_implied(claims: dict[str, Any], proved: dict[str, Any]) -> None:
    """Refuse claims that do not contain what was proved: intervals, and bounds from their own side; and others."""
    if claims.keys() != proved.keys():
        raise Refused("it claims other things than can be checked")
    for name, own in proved.items():
        claimed = np.array(claims[name], dtype=object)
        good = claimed.shape == np.shape(own) and all(type(entry) in (int, float) for entry in claimed.ravel())
        if good and isinstance(own, list):
            pairs = zip(claimed.reshape(-1, 2).tolist(), np.reshape(own, (-1, 2)).tolist(), strict=True)
            good = all(wide[0] <= narrow[0] and narrow[1] <= wide[1] for wide, narrow in pairs)
        elif good:
            good = claims[name] <= own if name == "robust_test_error" else claims[name] >= own
        if not good:
            raise Refused(f"the claim about {name.replace('_', ' ')} does not follow from {own}")
