"""How times and the attacked signal change with the dimension (theory.md 2.4), seed by seed over a ladder of d."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from cgro_theory.claims import (
    Claim,
    Figure,
    Interval,
    LogSlope,
    Measurement,
    Panel,
    Prediction,
    Provenance,
    Relation,
    Series,
    Source,
    unmet,
)
from cgro_theory.claims.condition import each_once
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong

from ..runs.counted_errors import measure_levels
from ..runs.initial_draws import first_memorization, initial_draws
from ..runs.trained import Groups, RunGroup, TrainedEvidence
from ..theory.conditions import FIRST_MEMORIZED, LEARNING, REGIME
from ..theory.exponents import memorization_time_exponent, signal_time_exponent
from ..theory.memorization import leading_memorization_time
from ..theory.signal import InitialDraw, leading_signal_time
from . import remembered
from .negative_controls import attacked_at, first_replaced, one_in_ladder, one_run
from .scope import met
from .slopes import slope_weights
from .symbols import PAPER, PROJECT, REAL, TIME, a, b, kappa, q, s, slope, z
from .worst_run import BELOW_ONE, JudgedRun, judge_runs, per_run, seeds_of, widened

Array = NDArray[np.float64]
Exponent = Callable[[int, float, float], float]
"""Of the degree, the exponent of the strength that drives the time (α's or σ's), and s."""


@dataclass(frozen=True)
class TimeOverLadder:
    """One of the two times, over a ladder of dimensions.

    Attributes:
        strength: the parameter that drives it.
        measured: the time of each run.
        enclosed: its enclosure for each draw, in gradient flow.
        flow_error: the integrator's relative error.
        unevenness: how far, relatively, one seed's leading orders may be from following a power of d.
        leading: the leading order.
    """

    name: str
    strength: str
    measured: Callable[[RunGroup], Array]
    enclosed: Callable[[PatchSetting, Sequence[InitialDraw]], Sequence[Prediction]]
    flow_error: Callable[[RunGroup], float]
    unevenness: Callable[[PatchSetting], float]
    leading: Callable[[PatchSetting, InitialDraw], float]


SIGNAL = TimeOverLadder(
    "signal time $T_I$",
    "signal_strength",
    lambda group: group.trajectories.signal_time,
    lambda setting, draws: [remembered.signal_time(setting, draw, 0.0) for draw in draws],
    lambda group: group.flow_error.signal_time,
    lambda setting: 0.0,
    leading_signal_time,
)
MEMORIZATION = TimeOverLadder(
    "first memorization $T_{III}$",
    "noise_std",
    lambda group: first_memorization(group.trajectories),
    lambda setting, draws: remembered.first_memorization_times(setting, draws, 0.0),
    lambda group: group.flow_error.first_memorization,
    # The leading order of one seed holds its Gram matrix, which nears σ² d I with relative size √(n/d).
    lambda setting: 3.0 * float(np.sqrt(setting.num_noise / setting.patch_dimension)),
    leading_memorization_time,
)

SIGNAL_TIME_EXPONENT = Claim(
    label="theorem_1.signal_time_exponent",
    statement="The signal time grows like d to the power -q a + (q-2) s, up to the slowly varying maximum of m "
    "normals.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.DERIVED,),
    quantity="slope of log T_I in log d, seed nearest to an end of its interval",
    natural_range=REAL,
    relation=Relation.WITHIN,
    expression=sp.Eq(slope, -q * a + (q - 2) * s),
    assumptions=LEARNING,
    depends_on=("theorem_1.signal_time",),
    limitations="The limit in d: the interval holds the finite-size corrections of the enclosures over the "
    "ladder.",
)

MEMORIZATION_TIME_EXPONENT = Claim(
    label="theorem_1.memorization_time_exponent",
    statement="The first memorization time grows like d to the power (q-2)(s - b - 1/2) - (2b + 1), up to the "
    "slowly varying maximum of N J m normals.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.DERIVED,),
    quantity="slope of log T_III in log d, seed nearest to an end of its interval",
    natural_range=REAL,
    relation=Relation.WITHIN,
    expression=sp.Eq(slope, (q - 2) * (s - b - sp.Rational(1, 2)) - (2 * b + 1)),
    assumptions=FIRST_MEMORIZED,
    depends_on=("theorem_1.first_memorization_time",),
    limitations="The limit in d: the interval holds the finite-size corrections of the enclosures over the "
    "ladder.",
)


def check_exponent(
    runs: TrainedEvidence, failure_probability: float, *, time: TimeOverLadder, exponent: Exponent
) -> CheckedPair:
    """Each seed's slope of log time in log d; a seed that never gets there at some d has none: outside.

    The prediction is the formula's exponent plus what the finite-size corrections, log of each enclosure over
    its leading order, can add to a least-squares slope. The leading orders of one seed share their normals
    (theory.md's slowly varying maximum), so they follow d^exponent up to the ``unevenness``.
    """
    ladder = runs.ladder
    if len(ladder) < 3:
        return CheckedPair(Prediction(None), Measurement.failed("the ladder needs at least three dimensions"))
    sizes = tuple(float(group.setting.patch_dimension) for group in ladder)
    weights = slope_weights(sizes)
    strength, init = (
        float(weights @ np.log([getattr(group.setting, name) for group in ladder]))
        for name in (time.strength, "init_std")
    )
    told = exponent(ladder[0].setting.degree, strength, -init)
    times = np.array([time.measured(group) for group in ladder])
    with np.errstate(invalid="ignore", divide="ignore"):
        slopes = np.where(np.isfinite(times).all(axis=0), weights @ np.log(times), np.nan)
    enclosed = [time.enclosed(group.setting, initial_draws(group.trajectories)) for group in ladder]
    entries: list[JudgedRun] = []
    for seed, measured in enumerate(slopes):
        own = [predictions[seed] for predictions in enclosed]
        predicted = _slope_of_seed(ladder, time, own, told, weights)
        failure = next((group.failure_of(seed) for group in ladder if group.failure_of(seed)), "")
        own_run = per_run(ladder[0], seed, predicted, float(measured))
        source = LogSlope(sizes, tuple(Interval.point(float(time)) for time in times[:, seed]))
        entries.append(replace(own_run, failure=failure, source=source if np.isfinite(measured) else None))
    return judge_runs(entries, failure_probability, seeds=seeds_of(ladder))


def _slope_of_seed(
    ladder: Groups, time: TimeOverLadder, predicted: Sequence[Prediction], exponent: float, weights: Array
) -> Prediction:
    """The slopes that one seed's enclosures allow."""
    assumed = each_once(each for entry in predicted for each in entry.assumed)
    if unmet(assumed):
        return Prediction(None, assumed, exponent)
    low = high = exponent
    for group, entry, weight in zip(ladder, predicted, weights, strict=True):
        interval = widened(entry.interval, time.flow_error(group))
        if interval is None:
            return Prediction(None, assumed, exponent)
        if weight != 0.0:  # the middle of a ladder, where an infinite end would give NaN
            with np.errstate(divide="ignore"):
                ends = np.log(np.array([interval.low, interval.high]) / entry.leading_order)
            corrections = sorted(weight * ends)
            room = abs(weight) * time.unevenness(group.setting)
            low, high = low + corrections[0] - room, high + corrections[1] + room
    return Prediction(Interval(float(low), float(high)), assumed, exponent)


ATTACKED_SIGNAL_VANISHES = Claim(
    label="theorem_1.attacked_signal_vanishes",
    statement="The attacked part of the signal, κ^q z / std V, falls from each dimension of the ladder to the "
    "next, for every seed: the paper says that it vanishes.",
    source=Source(PAPER + " and theory.md", "2.4", "v1"),
    provenance=(Provenance.PAPER, Provenance.DERIVED),
    quantity="largest ratio of κ^q z / std V from one dimension to the next, over the seeds",
    natural_range=TIME,
    relation=Relation.AT_MOST,
    expression=sp.Lt(
        sp.Symbol("kappa_next", real=True) ** q
        * sp.Symbol("z_next", real=True)
        / sp.Symbol("std_V_next", real=True),
        kappa**q * z / sp.Symbol("std_V", real=True),
    ),
    assumptions=REGIME,
    depends_on=("theorem_1.signal_plateau", "theorem_1.noise_memorization"),
    limitations="A fall over the ladder, not its limit; with κ = 1/(√d log d) it is only logarithmic. Both sizes "
    "are outputs of the trained networks, on attacked signal patches and on fresh noise.",
)


def check_attacked_signal_vanishes(runs: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """κ^q z / std V at the end of each run, from each dimension of the ladder to the next.

    Both are outputs of the trained network: on attacked signal patches alone, and on the noise of fresh points.
    """
    ladder = runs.ladder
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = [group.levels.attacked_signal / np.sqrt(group.levels.second_moment) for group in ladder]
        ratios = [after / before for before, after in pairwise(sizes)]
    scopes = [met(group, ATTACKED_SIGNAL_VANISHES.assumptions) for group in ladder]
    entries = []
    for step, (group, values) in enumerate(zip(ladder[1:], ratios, strict=True)):
        for run, ratio in enumerate(values):
            assumed = each_once(each for own in scopes[step : step + 2] for each in own[run])
            entries.append(per_run(group, run, Prediction(Interval.at_most(BELOW_ONE), assumed), float(ratio)))
    notes = tuple(
        (f"mean κ^q z / std V at d = {group.setting.patch_dimension:.0e}", float(np.mean(size)))
        for group, size in zip(ladder, sizes, strict=True)
    )
    return judge_runs(entries, failure_probability, seeds=seeds_of(ladder), notes=notes)


def _at_one_share(group: RunGroup, share: float) -> RunGroup:
    """The attack leaves this share of the signal."""
    levels = measure_levels(attacked_at(share)(group.trajectories), points=group.levels.points)
    return replace(group, levels=levels)


def _same_share(runs: TrainedEvidence) -> TrainedEvidence:
    share = runs.ladder[0].setting.attacked_signal_fraction
    return replace(runs, main=tuple(_at_one_share(group, share) for group in runs.ladder))


def _same_share_once(runs: TrainedEvidence) -> TrainedEvidence:
    *smaller, largest = runs.ladder
    other = _at_one_share(one_run(largest, 0), smaller[0].setting.attacked_signal_fraction)
    levels = first_replaced(largest.levels, other.levels, largest.trajectories.runs)
    return replace(runs, main=(*smaller, replace(largest, levels=levels)))


check_signal_time_exponent = partial(check_exponent, time=SIGNAL)
check_memorization_time_exponent = partial(check_exponent, time=MEMORIZATION)
ONE_UNATTACKED_AT_LARGEST = one_in_ladder("one_run_unattacked", "standard")

CHECKED = (
    CheckedClaim(
        SIGNAL_TIME_EXPONENT,
        partial(check_signal_time_exponent, exponent=signal_time_exponent),
        (
            with_wrong(
                "exponent_off",
                "0.05 added to the exponent",
                exponent=lambda *sizes: signal_time_exponent(*sizes) + 0.05,
            ),
            ONE_UNATTACKED_AT_LARGEST,
        ),
        needs=("main", "standard"),
        numeric=lambda q, a, s: signal_time_exponent(q, a, s),
    ),
    CheckedClaim(
        MEMORIZATION_TIME_EXPONENT,
        partial(check_memorization_time_exponent, exponent=memorization_time_exponent),
        (
            with_wrong(
                "exponent_off",
                "0.05 added to the exponent",
                exponent=lambda *sizes: memorization_time_exponent(*sizes) + 0.05,
            ),
            ONE_UNATTACKED_AT_LARGEST,
        ),
        needs=("main", "standard"),
        numeric=lambda q, b, s: memorization_time_exponent(q, b, s),
    ),
    CheckedClaim(
        ATTACKED_SIGNAL_VANISHES,
        check_attacked_signal_vanishes,
        (
            NegativeControl("same_share", "the attack leaves the same share κ at every d", _same_share),
            NegativeControl("same_share_once", "it does so for one network at the largest d", _same_share_once),
        ),
        needs=("main",),
    ),
)


def ladder_figure(ladder: Groups) -> Figure:
    """T_I and T_III of every seed over d, and their ratio to leading order."""
    times: list[Series] = []
    ratios: list[Series] = []
    for colour, time in enumerate((SIGNAL, MEMORIZATION)):
        sizes, measured, predicted = [], [], []
        for group in ladder:
            draws = initial_draws(group.trajectories)
            measured += time.measured(group).tolist()
            predicted += [time.leading(group.setting, draw) for draw in draws]
            sizes += [float(group.setting.patch_dimension)] * len(draws)
        means = [
            float(np.exp(np.mean([np.log(p) for p, size in zip(predicted, sizes, strict=True) if size == d])))
            for d in sorted(set(sizes))
        ]
        times.append(Series(f"{time.name}, every seed", sizes, measured, colour, "points"))
        times.append(Series("leading order, mean", sorted(set(sizes)), means, colour, "dashed"))
        ratio = [m / p for m, p in zip(measured, predicted, strict=True)]
        ratios.append(Series(time.name, sizes, ratio, colour, "points"))
    panels = (
        Panel("Times of trained networks", "patch dimension d", "time (η · step)", tuple(times), (), "log", "log"),
        Panel("Measured over leading order", "patch dimension d", "ratio", tuple(ratios), (), "log"),
    )
    caption = (
        "Gradient flows on the same seeds. The stages move apart like a power of d; leading order becomes exact."
    )
    return Figure(
        "theorem_1_ladder",
        "The stages over the dimension",
        caption,
        panels,
        ("theorem_1.signal_time_exponent", "theorem_1.memorization_time_exponent"),
    )
