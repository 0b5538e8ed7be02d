"""The order of the stages over draws of data and weights, from draws alone, against networks of fresh draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import special

from cgro_theory.claims import Claim, Figure, Interval, Panel, Provenance, Relation, Series, Source
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong

from ..runs.fresh_stages import FreshStages
from ..runs.trained import TrainedEvidence
from ..theory.conditions import RADIUS
from ..theory.stage_probability import StageSample, sample_stages
from .negative_controls import told
from .symbols import PROJECT, T_I, T_III, TIME, P
from .worst_run import JudgedRun, judge_runs

DRAWS = 4000
"""Draws of each setting, which no training costs."""
COVERAGE = 0.9
"""Share of all draws that a tolerance interval holds. Runs that leave one can be counted among a few dozen."""
FIGURE_FAILURE = 1e-3
MAP_DRAWS, MAP_SAMPLES, MAP_DIMENSIONS = 1000, (2, 10, 20, 40), (60, 100, 160, 250, 400, 1000)
"""Of the figure: the probability of the order over N and d."""

Sample = Callable[[PatchSetting, int, int], StageSample]
Limits = Callable[[StageSample, float], tuple[Interval, float]]

STAGE_ORDER_PROBABILITY = Claim(
    label="theorem_1.stage_order_probability",
    statement="Over draws of data and weights, T_I < T_III with at least a probability that follows from draws "
    "alone, as do limits A and B with T_I <= A and T_III >= B: networks of fresh draws leave them no more often.",
    source=Source(PROJECT, "8.4"),
    provenance=(Provenance.NEW,),
    quantity="trained networks out of order or beyond a limit, of the statement nearest to the number allowed",
    natural_range=TIME,
    relation=Relation.AT_MOST,
    expression=sp.Ge(P(sp.Lt(T_I, T_III)), sp.Symbol("p", real=True)),
    assumptions=(RADIUS,),
    depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
    limitations="The gradient flow; five settings. T_III is inf where nothing is memorized. The bounds of each "
    "draw are in closed form, wider than its enclosures; they are evaluated in float64 with outward slack.",
)


@lru_cache(64)
def _sampled(setting: PatchSetting, draws: int, base_seed: int) -> StageSample:
    return sample_stages(setting, draws, base_seed)


def tolerance_limits(sample: StageSample, failure_probability: float) -> tuple[Interval, float]:
    """The interval for T_I, and B for T_III, each for the share COVERAGE of all draws."""
    return sample.signal_time(COVERAGE, failure_probability), sample.memorization_time(
        COVERAGE, failure_probability
    )


def check_stage_order_probability(
    runs: TrainedEvidence,
    failure_probability: float,
    *,
    sample: Sample = _sampled,
    limits: Limits = tolerance_limits,
) -> CheckedPair:
    """For every setting: how many networks have T_I outside, T_III below, or the stages in another order.

    Half of the failure probability is for what the draws say, half for the networks, split over all statements.
    """
    each = failure_probability / max(1, 6 * len(runs.fresh))
    entries, notes = [], []
    for group in runs.fresh:
        drawn = sample(group.setting, DRAWS, group.base_seed)
        least = drawn.order_probability(each)
        notes.append((f"lower bound of P(T_I < T_III), {_named(group.setting)}", least))
        assumed = (RADIUS.given(kappa=group.setting.attacked_signal_fraction),)
        for outside, share in _statements(group, drawn, least, limits, each):
            most = allowed(group.runs, 1.0 - share, each)
            predicted = Interval(-math.inf, float(most)) if most < group.runs else None
            measured = Interval.point(float(outside.sum()))
            entries.append(JudgedRun(predicted, measured, assumed=assumed, failure=group.failure))
    seeds = [seed for group in runs.fresh for seed in group.seeds]
    return judge_runs(entries, failure_probability, seeds=seeds, notes=tuple(notes))


def _statements(
    group: FreshStages, drawn: StageSample, least: float, limits: Limits, failure_probability: float
) -> Iterator[tuple[NDArray[np.bool_], float]]:
    """Which networks contradict a statement, and the share of all draws for which it is to hold."""
    first, last = limits(drawn, failure_probability)
    learned, memorized = group.signal_time, group.memorization_time
    yield ~(learned < memorized), least
    yield (learned < first.low) | (learned > first.high), COVERAGE
    yield memorized < last, COVERAGE


def allowed(runs: int, probability: float, failure_probability: float) -> int:
    """The least c that a binomial count of ``runs`` trials exceeds with no more than ``failure_probability``."""
    beyond = special.bdtrc(np.arange(runs), runs, probability)
    return int(np.searchsorted(-beyond, -failure_probability))


def _named(setting: PatchSetting) -> str:
    return f"d = {setting.patch_dimension:g}, N = {setting.num_samples}, m = {setting.width}, q = {setting.degree}"


def _middle_ranks(sample: StageSample, failure_probability: float) -> tuple[Interval, float]:
    """Order statistics for a tenth of all draws in place of nine tenths."""
    few = 1.0 - COVERAGE
    return sample.signal_time(few, failure_probability), sample.memorization_time(few, failure_probability)


def _one_draw(setting: PatchSetting, draws: int, base_seed: int) -> StageSample:
    """Every draw from one seed: the first one again and again."""
    first = sample_stages(setting, 1, base_seed)
    again = {name: np.repeat(getattr(first.bounds, name), draws) for name in vars(first.bounds)}
    rest = {name: np.repeat(value, draws) for name, value in vars(first).items() if name != "bounds"}
    return replace(first, bounds=replace(first.bounds, **again), **rest)


def _told_of_another(runs: TrainedEvidence) -> TrainedEvidence:
    """The times of each setting's networks told as those of the next."""
    others = (*runs.fresh[1:], *runs.fresh[:1])
    swapped = [replace(other, setting=group.setting) for group, other in zip(runs.fresh, others, strict=True)]
    return replace(runs, fresh=tuple(swapped))


CHECKED = (
    CheckedClaim(
        STAGE_ORDER_PROBABILITY,
        check_stage_order_probability,
        (
            with_wrong(
                "order_statistic_off", "ranks for a tenth of all draws, not nine tenths", limits=_middle_ranks
            ),
            with_wrong(
                "weight_halved",
                "draws are told half of λ",
                sample=told(_sampled, adversarial_weight=lambda setting: setting.adversarial_weight / 2),
            ),
            with_wrong(
                "exponent_off",
                "draws are told α = d^0.299 in place of d^0.249",
                sample=told(_sampled, signal_strength=lambda s: s.signal_strength * s.patch_dimension**0.05),
            ),
            with_wrong("draws_share_a_seed", "all draws are one, counted as independent", sample=_one_draw),
            NegativeControl(
                "settings_swapped", "the networks of one setting are told as those of the next", _told_of_another
            ),
        ),
        needs=("fresh",),
    ),
)


def stage_order_figure(groups: tuple[FreshStages, ...]) -> tuple[Figure, ...]:
    """T_I and T_III of the fresh networks beside the limits from draws; the order's probability over N and d."""
    if not groups:
        return ()
    found = [tolerance_limits(_sampled(each.setting, DRAWS, each.base_seed), FIGURE_FAILURE) for each in groups]
    beside = Panel(
        "Trained networks, and limits from draws alone",
        "setting",
        "time (η · step)",
        (
            _points("$T_I$ of networks", [group.signal_time for group in groups], -0.1, 0),
            _points("$T_{III}$ of networks", [group.memorization_time for group in groups], 0.1, 1),
            _segments("A", [first.high for first, _ in found], 0),
            _segments("B", [last for _, last in found], 1),
        ),
        y_scale="log",
    )
    names = "; ".join(f"{index}: {_named(group.setting)}" for index, group in enumerate(groups))
    caption = (
        f"Left: with probability {COVERAGE:g} over draws $T_I$ lies below A and $T_{{III}}$ above B. "
        f"Settings: {names}. Right: {MAP_DRAWS} draws each, version 1's regime. Confidence 1 - {FIGURE_FAILURE:g}."
    )
    title, label = "The order of the stages over draws", STAGE_ORDER_PROBABILITY.label
    return (Figure("theorem_1_stage_order", title, caption, (beside, _over_sizes(groups[0].base_seed)), (label,)),)


def _over_sizes(base_seed: int) -> Panel:
    """The lower bound of P(T_I < T_III) over d, for several N."""
    series = []
    for colour, samples in enumerate(MAP_SAMPLES):
        settings = [PatchSetting.version_1(dimension, num_samples=samples) for dimension in MAP_DIMENSIONS]
        bounds = [_sampled(each, MAP_DRAWS, base_seed).order_probability(FIGURE_FAILURE) for each in settings]
        series.append(Series(f"N = {samples}", [float(d) for d in MAP_DIMENSIONS], bounds, colour))
    return Panel("From draws alone", "d", "lower bound of $P(T_I < T_{III})$", tuple(series), x_scale="log")


def _points(label: str, times: Sequence[NDArray[np.float64]], shift: float, colour: int) -> Series:
    """The finite times of each group, beside its number."""
    known = [
        (index + shift, float(time)) for index, group in enumerate(times) for time in group if time < math.inf
    ]
    return Series(label, [x for x, _ in known], [y for _, y in known], colour, "points", faint=True)


def _segments(label: str, values: Sequence[float], colour: int) -> Series:
    """A short line at each group's limit; NaN between them."""
    x = [index + shift for index in range(len(values)) for shift in (-0.3, 0.3, 0.3)]
    y = [end for value in values for end in (value, value, math.nan)]
    return Series(label, x, y, colour)
