"""What holds with a stated probability over draws of data and weights, from draws alone (theory.md 8.4).

Draws cost no training. Each is decided by the closed-form bounds of :mod:`stage_bounds`; counts and order
statistics then say something about all draws, whatever their law, at a stated confidence. Formulas at leading
order are counted likewise, and stay formulas at leading order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Interval
from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.confidence import clopper_pearson, tolerance_limit
from cgro_theory.numerics.seeds import SeedPart, derived_seed
from cgro_theory.setting.declared import MAX_DIMENSION
from cgro_theory.setting.initial_draw import draw_many
from cgro_theory.setting.parameters import PatchSetting

from .stage_bounds import CELLS, StageBounds, bound_stages

Array = NDArray[np.float64]

CHUNK = 2_000_000
"""Numbers that are held at once for each array of a batch of draws."""
SECONDS_PER_NUMBER, SECONDS_PER_PRODUCT = 3e-8, 1e-10
"""Of one core of a usual machine, within a factor of two or so."""
DECADES = round(math.log10(MAX_DIMENSION))
FINER = 8
"""The search looks again with so many times the draws, where the first ones leave a dimension undecided."""
LOOKS = 2 * (DECADES + 3)
"""Looks that the search for the smallest dimension may take: two at each."""


@dataclass(frozen=True)
class StageSample:
    """Stages of independent draws. shapes: (draws,)

    Attributes:
        bounds: what is shown of T_I and T_III.
        leading_signal, leading_memorization, leading_boundary: T_I, T_III and κ* at leading order.
        lacking: whether some point has no neuron with y v(0) > 0: the width condition fails.
    """

    bounds: StageBounds
    leading_signal: Array
    leading_memorization: Array
    leading_boundary: Array
    lacking: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """How many draws."""
        return int(self.lacking.size)

    @property
    def ordered(self) -> int:
        """In how many T_I < T_III is shown."""
        return int(self.bounds.ordered.sum())

    def order_probability(self, failure_probability: float) -> float:
        """A lower bound of P(T_I < T_III) by Clopper and Pearson, at confidence 1 - ``failure_probability``."""
        return clopper_pearson(self.ordered, self.size, min(2.0 * failure_probability, 0.5)).low

    def signal_time(self, coverage: float, failure_probability: float) -> Interval:
        """Contains T_I with probability ``coverage`` or more, at confidence 1 - ``failure_probability``."""
        return tolerance_interval(self.bounds.signal_low, self.bounds.signal_high, coverage, failure_probability)

    def memorization_time(self, coverage: float, failure_probability: float) -> float:
        """B: T_I <= A < B <= T_III with probability ``coverage`` or more, if A, T_I's upper limit, is below B.

        Each of the two has half of what may be missed.
        """
        return tolerance_limit(self.bounds.memorization_low, *_half(coverage, failure_probability))


def tolerance_interval(low: Array, high: Array, coverage: float, failure_probability: float) -> Interval:
    """Contains a value known to lie in [low, high] of its draw; half of what may be missed for either end."""
    half = _half(coverage, failure_probability)
    least = tolerance_limit(low, *half)
    return Interval(least, max(least, tolerance_limit(high, *half, upper=True)))


def _half(coverage: float, failure_probability: float) -> tuple[float, float]:
    """Content and failure probability of one of two limits that together have these."""
    return 0.5 * (1.0 + coverage), 0.5 * failure_probability


def sample_stages(setting: PatchSetting, draws: int, base_seed: int) -> StageSample:
    """Stages of ``draws`` independent draws of a setting with κ >= 0 and d > n.

    The seed derives from ``base_seed`` and from every parameter.
    """
    parts: list[SeedPart] = [getattr(setting, field.name) for field in fields(setting)]
    generator = np.random.default_rng(derived_seed(base_seed, "stages over draws", *parts))
    left, found = draws, []
    most = max(1, CHUNK // _numbers(setting))
    while left > 0:
        found.append(stages_of(setting, *draw_many(setting, min(most, left), generator)))
        left -= most
    return joined(found)


def stages_of(setting: PatchSetting, projections: Array, signed: Array, gram: Array) -> StageSample:
    """Stages of given draws; arguments as of :func:`bound_stages`."""
    if setting.attacked_signal_fraction < 0.0:
        raise InvalidInput("attacked_signal_fraction", setting.attacked_signal_fraction, ">= 0: z would not grow")
    samples, patches = setting.num_samples, setting.noise_patches
    by_point = signed.reshape(-1, samples, patches * setting.width)
    signal, memorization, boundary = _leading(setting, projections, signed, gram)
    lacking = (by_point.max(axis=2) <= 0.0).any(axis=1)
    return StageSample(
        bound_stages(setting, projections, signed, gram), signal, memorization, boundary, np.asarray(lacking)
    )


def joined(parts: list[StageSample]) -> StageSample:
    """One sample of all."""
    bounds = [
        np.concatenate([getattr(part.bounds, field.name) for part in parts]) for field in fields(StageBounds)
    ]
    rest = [np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(StageSample)[1:]]
    return StageSample(StageBounds(*bounds), *rest)


def _leading(setting: PatchSetting, projections: Array, signed: Array, gram: Array) -> tuple[Array, Array, Array]:
    """T_I, T_III and κ* at leading order, as :func:`leading_signal_time` and its likes have them for one draw."""
    degree, weight, count = setting.degree, setting.adversarial_weight, setting.num_samples
    power = max(degree - 2, 1)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        largest = np.maximum(projections.max(axis=1), 0.0)
        gain = 0.5 * ((1.0 - weight) * setting.clean_gain + weight * setting.attacked_gain)
        norms = np.diagonal(gram, axis1=1, axis2=2)
        best = np.maximum(signed.max(axis=2), 0.0)
        half = 0.5 * weight / count
        if degree == 2:
            signal = np.maximum(0.0, -np.log(setting.signal_strength * largest)) / (2.0 * gain)
            times = -np.log(np.minimum(best, 1.0)) / (2.0 * half * norms)
            return np.asarray(signal), np.asarray(times.min(axis=1)), np.full(largest.shape, np.nan)
        speed = (norms * best**power).max(axis=1)
        signal = largest ** (2.0 - degree) / (degree * power * gain)
        memorization = 1.0 / (degree * power * half * speed)
        scale = memorization * degree**2 * setting.signal_strength**2 * (1.0 - weight)
        margin = _logarithmic_growth(scale, degree)
        boundary = (speed / count / (setting.signal_strength**2 * margin ** (1.0 - 2.0 / degree))) ** (
            1.0 / degree
        )
        return np.asarray(signal), np.asarray(memorization), np.asarray(boundary)


def _logarithmic_growth(scale: Array, degree: int) -> Array:
    """As :func:`logarithmic_growth` of :mod:`signal`, at least 1, for an array."""
    margin = np.maximum(1.0, np.log(scale))
    for _ in range(100):
        margin = np.maximum(1.0, np.log(scale) + (2.0 - 2.0 / degree) * np.log(margin))
    return np.where(scale > math.e, margin, 1.0)


def _numbers(setting: PatchSetting) -> int:
    """Numbers of one draw."""
    noise, width = setting.num_noise, setting.width
    return noise * (width + 2 * noise) + (CELLS + 1) * width


def seconds_of_draws(setting: PatchSetting, draws: int) -> float:
    """How long that many draws take, about."""
    products = float(setting.num_noise) ** 2 * (setting.num_noise + setting.width)
    return draws * (SECONDS_PER_NUMBER * _numbers(setting) + SECONDS_PER_PRODUCT * products)


@dataclass(frozen=True)
class SmallestDimension:
    """From which dimension on the stage order holds with the asked probability, among those that were tried.

    Attributes:
        dimension: the least one tried for which this is shown, there and at every larger one tried; None if none.
        tried: all that were tried, from the largest on.
        draws: at each of them, at the first look.
    """

    dimension: int | None
    tried: tuple[int, ...]
    draws: int


def search_draws(coverage: float, failure_probability: float) -> int:
    """How many draws at each dimension of the search: twice what shows ``coverage`` if none fails."""
    return max(1000, 2 * math.ceil(math.log(failure_probability / LOOKS) / math.log(coverage)))


def smallest_dimension(
    setting_at: Callable[[int], PatchSetting], coverage: float, failure_probability: float, base_seed: int
) -> SmallestDimension:
    """The smallest d from which on P(T_I < T_III) >= ``coverage`` is shown, by decades from the largest d down.

    Then by quarters of the last decade. All looks together are wrong with probability at most
    ``failure_probability``. That it holds between and beyond the dimensions tried is not shown.
    """
    draws, least = search_draws(coverage, failure_probability), setting_at(MAX_DIMENSION).num_noise + 2
    tried: list[int] = []

    def holds(dimension: int) -> bool:
        if dimension < least:
            return False
        tried.append(dimension)
        for count in (draws, FINER * draws):
            sample = sample_stages(setting_at(dimension), count, base_seed)
            if sample.order_probability(failure_probability / LOOKS) >= coverage:
                return True
            if sample.ordered < coverage * sample.size:
                break
        return False

    quarters = 4 * DECADES
    while quarters > 0 and holds(10 ** (quarters // 4)):
        quarters -= 4
    if quarters == 4 * DECADES:
        return SmallestDimension(None, tuple(tried), draws)
    quarters = next((each for each in range(quarters + 3, quarters, -1) if not holds(_at(each))), quarters)
    return SmallestDimension(_at(quarters + 1), tuple(tried), draws)


def _at(quarters: int) -> int:
    return round(10 ** (quarters / 4))
