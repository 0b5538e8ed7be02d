"""Where robust overfitting ends, predicted from the initial draw (theory.md 2.4). No torch, no training.

Below κ_1, in κ = 1 - δ/α, the attacked signal is lost in the noise margin of a fresh point: robust overfitting.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq

from cgro_theory.claims import Interval, Prediction, unmet
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.setting.parameters import PatchSetting

from .cascade import Cascade, follow_cascade
from .conditions import ATTACKED_SIGNAL_SMALL, SEEN_AT_START, SIGNAL_LEARNED
from .memorization import leading_memorization_time
from .signal import InitialDraw, evaluated, follow_signal, plateau_signal_margin

MEDIAN_SEED = 5
"""Seed of the directions that a predicted median is averaged over; its error is far below the interval."""
LATENESS = 1.1
"""The cascade's times are taken to be right within this factor, one neuron to hold each point: an idealization."""
NEAR_RACE = 1.1
"""Of neurons that would memorize a point within this factor of time either may."""
BOUNDARY_RESOLUTION = 1.002
"""Factor to which the lower end of κ_1 is found."""
SMALLEST_SHARE = 1e-3
"""No lower end is looked for below this share of the upper one."""
FARTHEST_SIGNAL = 150.0
"""Signals z beyond this are not followed."""


def leading_overfitting_boundary(setting: PatchSetting, draw: InitialDraw) -> float:
    """κ_1 = (std V / z)^(1/q) with V_i = 1 by one neuron per point, and the plateau's z at T_III."""
    margin = max(1.0, plateau_signal_margin(setting, leading_memorization_time(setting, draw)))
    return overfitting_boundary(standard_deviation(_leading_law(setting, draw)), margin, setting.degree)


def overfitting_boundary(size: float, margin: float, degree: int) -> float:
    """κ_1 = (size/z)^(1/q), where κ^q z is the median ``size`` of |V|; ``margin`` is z > 0 (theory.md 2.4)."""
    return float((size / margin) ** (1.0 / degree))


def predict_overfitting_boundary(setting: PatchSetting, draw: InitialDraw) -> Prediction:
    """Estimate of κ_1, where a fresh attacked point errs with probability 1/4: P(|V| > κ^q z) = 1/2.

    Of a run that ends when its last point is memorized, which the cascade tells within LATENESS. V from the
    cascade and z as in :func:`predict_noise_over_signal`, but z at κ_1 itself, where the attacked signal adds to
    its growth: κ^q z rises with κ. κ of ``setting`` plays no part. No interval where the cascade leaves a point
    out.
    """
    leading = leading_overfitting_boundary(setting, draw)
    assumed = evaluated(SEEN_AT_START, replace(setting, attacked_signal_fraction=0.0), draw)
    if unmet(assumed):
        return Prediction(None, assumed, leading)
    cascade = follow_cascade(setting, draw)
    last = float(cascade.times.max())
    if not math.isfinite(last):
        return Prediction(None, assumed, leading)
    ends = Interval(last / LATENESS, last * LATENESS)
    sizes = _sizes(setting, draw, cascade, ends, _median)

    def margins(fraction: float) -> Interval:
        return _signal_margins(replace(setting, attacked_signal_fraction=fraction), draw, cascade, ends)

    unattacked = margins(0.0)
    assumed += (
        ATTACKED_SIGNAL_SMALL.given(z_end=unattacked.high),
        SIGNAL_LEARNED.given(z_start=unattacked.low),
    )
    if unmet(assumed):
        return Prediction(None, assumed, leading)
    high = min(1.0, overfitting_boundary(sizes.high, unattacked.low, setting.degree))
    low, above = 0.0, min(1.0, overfitting_boundary(sizes.low, unattacked.low, setting.degree))
    while above > low * BOUNDARY_RESOLUTION and above > SMALLEST_SHARE * high:
        middle = math.sqrt(low * above) if low > 0.0 else above / 2.0
        reached = overfitting_boundary(sizes.low, margins(middle).high, setting.degree)
        low, above = (middle, above) if middle <= reached else (low, middle)
    return Prediction(Interval(low, high).outward() if low > 0.0 else None, assumed, leading)


def predict_noise_over_signal(
    setting: PatchSetting, draw: InitialDraw, end: float, size: Callable[[NoiseMarginLaw], float]
) -> Prediction:
    """Estimate of size(V)/z at the end of a run, at time ``end``; V is a fresh point's noise margin.

    V from the cascade (:meth:`Cascade.covariance`), its times taken LATENESS times too late and too early. z lies
    between two bounds that follow from the same times. Its leading order has V_i = 1, points on different neurons,
    and the plateau's z at T_III.
    """
    margin = max(1.0, plateau_signal_margin(setting, leading_memorization_time(setting, draw)))
    leading = size(_leading_law(setting, draw)) / margin
    assumed = evaluated(SEEN_AT_START, setting, draw)
    if unmet(assumed):
        return Prediction(None, assumed, leading)
    cascade, ends = follow_cascade(setting, draw), Interval.point(end)
    margins = _signal_margins(setting, draw, cascade, ends)
    assumed += (ATTACKED_SIGNAL_SMALL.given(z_end=margins.high), SIGNAL_LEARNED.given(z_start=margins.low))
    if unmet(assumed):
        return Prediction(None, assumed, leading)
    sizes = _sizes(setting, draw, cascade, ends, size)
    return Prediction(Interval(sizes.low / margins.high, sizes.high / margins.low).outward(), assumed, leading)


def _sizes(
    setting: PatchSetting,
    draw: InitialDraw,
    cascade: Cascade,
    ends: Interval,
    size: Callable[[NoiseMarginLaw], float],
) -> Interval:
    """size(V) at a time in ``ends``, with every point memorized later than the cascade says and points apart where
    another neuron may win, and earlier and together."""
    laws = (
        cascade.covariance(setting, draw, end, cascade.holders(NEAR_RACE, crowded=crowded), by)
        for crowded, by, end in ((False, LATENESS, ends.low), (True, 1.0 / LATENESS, ends.high))
    )
    found = [size(NoiseMarginLaw(law, setting.degree, setting.noise_patches)) for law in laws]
    return Interval(min(found), max(found))


def _signal_margins(setting: PatchSetting, draw: InitialDraw, cascade: Cascade, ends: Interval) -> Interval:
    """z at a time in ``ends``: at least as if each point pulled until it is memorized, at most as if for ever.

    While a point is not memorized it pulls as with |V_i| <= 1, and memorized points pull upwards too; so z moves
    at least at the share of its own speed that is the share of points not memorized, and has moved, all in all,
    for the mean of the points' times. Inf beyond FARTHEST_SIGNAL.
    """
    top = plateau_signal_margin(setting, ends.high) + 6.0
    while True:
        signal = follow_signal(setting, draw.signal_projections, 0.0, 1.0, top)
        highest = setting.clean_gain * signal.signal_at_time(ends.high).high
        if math.isfinite(highest) or top > FARTHEST_SIGNAL:
            break
        top *= 2.0
    pulled = float(np.minimum(cascade.times / LATENESS, ends.low).mean())
    lowest = setting.clean_gain * signal.signal_at_time(pulled).low
    return Interval(lowest, max(lowest, highest))


def standard_deviation(law: NoiseMarginLaw) -> float:
    """The standard deviation of V."""
    return math.sqrt(law.variance)


def _leading_law(setting: PatchSetting, draw: InitialDraw) -> NoiseMarginLaw:
    """The law of V when every V_i is 1, by one neuron each."""
    norms = np.diag(draw.noise_gram).reshape(setting.num_samples, setting.noise_patches).max(axis=1)
    variances = np.full(setting.width, setting.init_std**2 * setting.noise_std**2 * setting.patch_dimension)
    np.add.at(variances, np.arange(norms.size) % setting.width, setting.noise_std**2 / norms)
    return NoiseMarginLaw(np.diag(variances), setting.degree, setting.noise_patches)


def _median(law: NoiseMarginLaw, directions: int = 32_768) -> float:
    """The median of |V| by the averaged tails of sampled directions, to 2^-25 of V's standard deviation."""
    highest = math.sqrt(2.0 * law.variance)
    margins = law.directional_margins(directions, np.random.default_rng(MEDIAN_SEED))

    def excess(size: float) -> float:
        return float(law.tails_along(margins, size).mean()) - 0.5

    if not excess(highest) < 0.0:  # V is 0, or nearly always as large as it can be
        return highest
    return float(brentq(excess, 0.0, highest, xtol=highest * 2.0**-26))
