"""Theorem 1's stages with a stated probability over draws of data and weights, from draws alone (theory.md 8.4).

``cgro bound stages --draws``: tolerance intervals of T_I and T_III and a lower bound of P(T_I < T_III) rest on
bounds in closed form that hold for each draw; κ* and the leading orders are counted formulas, and are named so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from cgro_theory.calculator.answer import Answer, Assumed, Direction, Quantity, Term
from cgro_theory.calculator.drawn_stages import check_drawable
from cgro_theory.calculator.over_attack import no_attack_note
from cgro_theory.calculator.stages import parameter_conditions
from cgro_theory.claims import Interval
from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.numerics.confidence import clopper_pearson, tolerance_rank
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.theory.stage_probability import (
    LOOKS,
    Array,
    StageSample,
    sample_stages,
    search_draws,
    seconds_of_draws,
    smallest_dimension,
    tolerance_interval,
)

LONGEST_SECONDS = 600.0
"""Draws that are estimated to take longer are refused."""
SOURCE = "theory.md 8.4, theorem_1.stage_order_probability"
_TIME = "η·step"

SettingAt = Callable[[int], PatchSetting]
"""The setting at another dimension d."""


def stages_over_draws(
    setting: PatchSetting,
    draws: int,
    *,
    coverage: float = 0.99,
    failure_probability: float = 1e-6,
    seed: int = 0,
    setting_at: SettingAt | None = None,
) -> Answer:
    """What ``draws`` independent draws say of T_I, T_III, κ* and their order, whatever the laws of these are.

    Each statement holds with probability 1 - ``failure_probability`` over the draws made. A tolerance interval
    contains the value of at least the share ``coverage`` of all draws. With ``setting_at`` the smallest d is
    searched from which on P(T_I < T_III) >= ``coverage``. Needs κ >= 0, d >= n + 2, and sizes that take no more
    than LONGEST_SECONDS.

    >>> answer = stages_over_draws(PatchSetting.version_1(10**6), 3000)
    >>> answer["signal_time"].high < answer["memorization_time"].low
    True
    """
    _check(setting, draws, coverage, failure_probability, seed)
    sample = sample_stages(setting, draws, seed)
    enough = tolerance_rank(sample.size, 0.5 * (1.0 + coverage), 0.5 * failure_probability) > 0
    confidence = f"at confidence 1 - {failure_probability:g}, from {draws} draws"
    first = sample.signal_time(coverage, failure_probability)
    last = sample.memorization_time(coverage, failure_probability)
    few = "" if enough else f"{draws} draws are too few for this coverage and confidence; "
    share = f"{few}holds T_I of at least {coverage:g} of all draws, {confidence}"
    late = f"{few}T_III, ∞ where nothing is memorized, is at least this in {coverage:g} of all draws, {confidence}"
    quantities = [
        _order(setting, sample, failure_probability, confidence),
        _ends("signal_time", first, "first time with α^q U >= 1; A of 8.4 from above", share, _TIME),
        _ends(
            "memorization_time",
            Interval(last, math.inf),
            "first time with some V_i >= 1; B of 8.4 from below",
            late,
            _TIME,
        ),
        *_leading(
            sample,
            coverage,
            failure_probability,
            f"{few}of the formula, which is no bound: {coverage:g} of all draws {confidence}",
        ),
    ]
    if setting_at is not None:
        quantities.append(_smallest(setting, setting_at, coverage, failure_probability, seed))
    conditions = (
        *parameter_conditions(setting),
        _width(setting, sample, coverage, failure_probability),
        Assumed(
            "stages apart",
            f"A < B, so that T_I <= A < B <= T_III with probability at least {coverage:g}",
            _apart(first, last, settled=enough or 1.0 - 2.0**-setting.width < coverage),
        ),
    )
    parameters = setting.to_json() | {
        "draws": draws,
        "coverage": coverage,
        "failure_probability": failure_probability,
        "seed": seed,
    }
    note = "gradient flow; exact law of the draws at this d; each statement at its own confidence"
    return Answer("stages", parameters, tuple(quantities), conditions, (note, *no_attack_note(setting)))


def _check(setting: PatchSetting, draws: int, coverage: float, failure_probability: float, seed: int) -> None:
    require_integer("seed", seed, 0)
    require_integer("draws", draws, 1)
    for name, value in (("coverage", coverage), ("failure_probability", failure_probability)):
        if not 0.0 < require_finite(name, value) < 1.0:
            raise InvalidInput(name, value, "in (0, 1)")
    if setting.attacked_signal_fraction < 0.0:
        allowed = ">= 0 with draws: below 0 z tends to a root instead of growing"
        raise InvalidInput("attacked_signal_fraction", setting.attacked_signal_fraction, allowed)
    check_drawable(setting)
    least = setting.num_noise + 2
    if setting.patch_dimension < least:
        raise InvalidInput("patch_dimension", setting.patch_dimension, f">= {least} for draws: n + 2")
    seconds = seconds_of_draws(setting, draws)
    if seconds > LONGEST_SECONDS:
        most = int(draws * LONGEST_SECONDS / seconds)
        allowed = f"<= {most} at these sizes, for {LONGEST_SECONDS:g} s; so many would take about {seconds:.3g} s"
        raise InvalidInput("draws", draws, allowed)


def _order(setting: PatchSetting, sample: StageSample, failure_probability: float, confidence: str) -> Quantity:
    unlearned = 2.0**-setting.width
    return Quantity(
        "stage_order_probability",
        None,
        Direction.ESTIMATE,
        "P(T_I < T_III), shown of a draw by T_I <= A < B <= T_III",
        SOURCE,
        terms=(
            Term("draws", sample.size, "independent draws of data and weights"),
            Term("shown", sample.ordered, "draws with A < B"),
            Term("unlearned", unlearned, "2^-m: no neuron favours the signal, and T_I = ∞"),
        ),
        low=sample.order_probability(failure_probability),
        high=math.nextafter(1.0 - unlearned, 1.0),
        note=f"lower end (Clopper and Pearson) {confidence}; upper end exact",
    )


def _ends(
    name: str,
    ends: Interval,
    formula: str,
    note: str,
    unit: str = "",
    direction: Direction = Direction.ESTIMATE,
) -> Quantity:
    return Quantity(
        name, None, direction, formula, SOURCE, unit, low=max(0.0, ends.low), high=ends.high, note=note
    )


def _leading(sample: StageSample, coverage: float, failure_probability: float, note: str) -> list[Quantity]:
    """Tolerance intervals of the formulas at leading order: of what these say, not of the times themselves."""
    found: list[tuple[str, Array, str, str]] = [
        ("signal_time_formula", sample.leading_signal, "u_max^(2-q)/(q(q-2)·g), g = ½[(1-λ)α^q + λ(κα)^q]", _TIME),
        ("memorization_time_formula", sample.leading_memorization, "min N v^(2-q)/(q(q-2)·½λ‖ξ‖²)", _TIME),
        ("memorization_boundary_formula", sample.leading_boundary, "κ* at leading order, z at T_III", ""),
    ]
    return [
        _ends(name, ends, formula, note, unit, Direction.LEADING_ORDER)
        for name, values, formula, unit in found
        if not math.isnan(values[0])
        for ends in [tolerance_interval(values, values, coverage, failure_probability)]
    ]


def _width(setting: PatchSetting, sample: StageSample, coverage: float, failure_probability: float) -> Assumed:
    """Met if at most 1 - ``coverage`` fail, by the upper bound; not met if more do, by the lower."""
    lacking = int(sample.lacking.sum())
    ends = clopper_pearson(lacking, sample.size, min(2.0 * failure_probability, 0.5))
    most = min(ends.high, 1.0, setting.num_samples * 2.0**-setting.width)
    statement = (
        f"every point has a neuron with y v(0) > 0, in {coverage:g} of all draws: fails in {lacking} of "
        f"{sample.size} draws, with probability at most {_above(most)} (confidence 1 - {failure_probability:g}); "
        "statements about every point rest on it, T_I < T_III does not"
    )
    allowed = 1.0 - coverage
    return Assumed("width", statement, True if most <= allowed else False if ends.low > allowed else None)


def _dimension(size: int) -> str:
    return f"{size:.3g}".replace("e+", "e")


def _above(probability: float) -> str:
    """Three digits, rounded up."""
    shown = f"{probability:.3g}"
    return shown if float(shown) >= probability else f"{probability * 1.005:.3g}"


def _apart(first: Interval, last: float, *, settled: bool) -> bool | None:
    """A < B; where A is ∞ unknown if more draws could make it finite."""
    return bool(first.high < last) if math.isfinite(first.high) or settled else None


def _smallest(
    setting: PatchSetting, setting_at: SettingAt, coverage: float, failure_probability: float, seed: int
) -> Quantity:
    formula = "smallest d tried for which P(T_I < T_III) >= coverage is shown, there and at every larger d tried"
    draws = search_draws(coverage, failure_probability)
    seconds = LOOKS * seconds_of_draws(setting, draws)
    none = Quantity("smallest_dimension", None, Direction.LEADING_ORDER, formula, SOURCE)
    if seconds > LONGEST_SECONDS:
        why = f"the search would take about {seconds:.3g} s at these sizes"
        return replace(none, note=why, absent="not searched")
    found = smallest_dimension(setting_at, coverage, failure_probability, seed)
    where = "1e18 alone"
    if len(found.tried) > 1:
        where = f"each of {len(found.tried)} dimensions from 1e18 down to {_dimension(min(found.tried))}"
    note = (
        f"{found.draws} draws or more at {where}, nothing between or beyond; all together at confidence 1 - "
        f"{failure_probability:g}"
    )
    if found.dimension is None:
        return replace(none, note=note, absent="none shown")
    low, high = float(setting.num_noise + 2), float(found.dimension)
    return replace(none, value=found.dimension, direction=Direction.ESTIMATE, low=low, high=high, note=note)
