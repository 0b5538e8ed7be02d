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
NEAR_RACE = LATENESS**2
"""Of neurons that would memorize a point within this factor of time either may: each time is off by LATENESS."""
BOUNDARY_RESOLUTION = 1.002
"""Factor to which the ends of κ_1 are found."""
SMALLEST_SHARE = 1e-3
"""No end is looked for below this share of the largest κ_1 that the signal of κ = 0 allows."""
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
    largest = min(1.0, overfitting_boundary(sizes.high, unattacked.low, setting.degree))
    low, _ = _crossing(setting.degree, sizes.low, lambda fraction: margins(fraction).high, largest)
    _, high = _crossing(setting.degree, sizes.high, lambda fraction: margins(fraction).low, largest)
    return Prediction(Interval(low, high).outward() if low > 0.0 else None, assumed, leading)


def _crossing(degree: int, size: float, margin: Callable[[float], float], largest: float) -> tuple[float, float]:
    """Below and above the κ with κ^q · margin(κ) = ``size``; κ^q · margin(κ) rises. Above at most ``largest``."""
    low, above = 0.0, largest
    while above > low * BOUNDARY_RESOLUTION and above > SMALLEST_SHARE * largest:
        middle = math.sqrt(low * above) if low > 0.0 else above / 2.0
        reached = overfitting_boundary(size, margin(middle), degree)
        low, above = (middle, above) if middle <= reached else (low, middle)
    return low, above


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
    """size(V) at a time in ``ends``, with every point memorized later than the cascade says and earlier.

    Where another neuron may win, points stay as the cascade has them, are moved apart, or together. A median need
    not lie between those of the last two, so all six laws are taken.
    """
    arranged = [[entry.neuron for entry in cascade.held]]
    arranged += [cascade.holders(NEAR_RACE, crowded=crowded) for crowded in (False, True)]
    found = []
    for holders in dict.fromkeys(map(tuple, arranged)):
        for by, end in ((LATENESS, ends.low), (1.0 / LATENESS, ends.high)):
            law = cascade.covariance(setting, draw, end, holders, by)
            found.append(size(NoiseMarginLaw(law, setting.degree, setting.noise_patches)))
    return Interval(min(found), max(found))


def _signal_margins(setting: PatchSetting, draw: InitialDraw, cascade: Cascade, ends: Interval) -> Interval:
    """z at a time in ``ends``, with every point memorized earlier and later than the cascade says.

    A point with margin V_i >= 0 pulls at least e^(-V_i) and at most 2ψ(V_i) times as much as one with V_i = 0. So
    z moves as if for the mean over the points of the time in which each has pulled, as :func:`_times_pulled` says.
    Inf beyond FARTHEST_SIGNAL.
    """
    pulled = _times_pulled(setting, cascade, ends)
    top = plateau_signal_margin(setting, ends.high) + 6.0
    while True:
        signal = follow_signal(setting, draw.signal_projections, 0.0, 0.0, top)
        highest = setting.clean_gain * signal.signal_at_time(pulled.high).high
        if math.isfinite(highest) or top > FARTHEST_SIGNAL:
            break
        top *= 2.0
    lowest = setting.clean_gain * signal.signal_at_time(pulled.low).low
    return Interval(lowest, max(lowest, highest))


def _times_pulled(setting: PatchSetting, cascade: Cascade, ends: Interval) -> Interval:
    """Mean over the points of ∫ψ(x + V_i)/ψ(x) dt up to a time in ``ends``, for any x >= 0.

    At least the time to each point's memorization, early, less ∫V_i until then, which is at most N/(q λ ‖ξ_i‖²)
    for one neuron that grows from v_i to 1; at most that time, late, and ∫2ψ(V_i) after it. A point that is not
    memorized pulls all the time.
    """
    unmemorized = setting.num_samples - len(cascade.held)
    least, most = unmemorized * ends.low, unmemorized * ends.high
    for entry in cascade.held:
        least += max(0.0, min(entry.time / LATENESS, ends.low) - setting.degree / entry.speed)
        late = min(entry.time * LATENESS, ends.high)
        most += late + 2.0 * entry.pull_after(ends.high - late, setting.degree)
    return Interval(least / setting.num_samples, most / setting.num_samples)


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
    """The median of |V| by the averaged tails of sampled directions, to 2^-15 of V's standard deviation."""
    highest = math.sqrt(2.0 * law.variance)
    margins = law.directional_margins(directions, np.random.default_rng(MEDIAN_SEED))

    def excess(size: float) -> float:
        return float(law.tails_along(margins, size).mean()) - 0.5

    if not excess(highest) < 0.0:  # V is 0, or nearly always as large as it can be
        return highest
    return float(brentq(excess, 0.0, highest, xtol=highest * 2.0**-16))
