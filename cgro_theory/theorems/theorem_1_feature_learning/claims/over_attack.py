"""Attacks stronger than the signal, κ < 0 (theory.md 9): the plateau is a number, the robust test error 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import sympy as sp

from cgro_theory.claims import (
    Claim,
    Counts,
    EvaluatedCondition,
    Figure,
    Interval,
    Marker,
    Panel,
    Prediction,
    Provenance,
    Relation,
    Series,
    Source,
)
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong

from ..runs.counted_errors import measure_errors
from ..runs.initial_draws import first_memorization, initial_draws
from ..runs.phases import GENERALIZED, OVER_ATTACKED
from ..runs.trained import RunGroup, TrainedEvidence
from ..theory.conditions import (
    OVER_ATTACK,
    ROOT_NEURON,
    SMALL_BEFORE_ARRIVAL,
    STAYS_SMALL,
    UPPER_END,
    WIDTH,
)
from ..theory.over_attack import (
    PlateauBracket,
    leading_over_attack_time,
    memorized_margin,
    plateau_bracket,
    resting_margin,
    root_conditions,
)
from ..theory.signal import InitialDraw, evaluated
from . import remembered
from .negative_controls import NEGATED_ONE, attacked_at, first_replaced, negated, recounted, told
from .symbols import ARITHMETIC, PROJECT, RATE, REAL, TIME, P, V, err_clean, err_robust, lam, z
from .worst_run import JudgedRun, nearest_to_violation, per_run

Bracket = Callable[[PatchSetting, InitialDraw, float], PlateauBracket | None]
bracketed_once = lru_cache(remembered.MOST)(plateau_bracket)
SIZES = (
    "N = 20, P = 2, m = 24 and q = 3 in version 1's regime at d = 10^4, 10^8 and 10^12, under `transfer`; other "
    "sizes are not shown by it."
)
_c, _rest = sp.Symbol("c", positive=True), sp.Symbol("z_rest", real=True)

PLATEAU = Claim(
    label="theorem_1.over_attack_plateau",
    statement="For κ < 0 the signal margin stays, from its arrival on, inside an interval computed from the "
    "initial draw: around the root z_0 of (1-λ)ψ(z) = λcψ(-cz), c = |κ|^q, while no noise margin has reached "
    "0.01, then between z_∞ and the root at the lowest V_i. It does not grow with time or d.",
    source=Source(PROJECT, "9"),
    provenance=(Provenance.NEW,),
    quantity="signal margin z at the recorded times, the one nearest to an end of its interval, over all runs",
    natural_range=REAL,
    relation=Relation.WITHIN,
    expression=sp.Eq(_rest, sp.log((1 - lam) / (lam * _c)) / (1 + _c)),
    assumptions=(*OVER_ATTACK, ROOT_NEURON, SMALL_BEFORE_ARRIVAL, STAYS_SMALL),
    depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
    limitations=f"Gradient descent: the interval is that of the flow. {ARITHMETIC} {SIZES}",
)

_T = sp.Symbol("T_over", real=True)
TIME_CLAIM = Claim(
    label="theorem_1.over_attack_memorization_time",
    statement="For κ < 0 the first noise margin reaches 1 inside an enclosure computed from the initial draw, "
    "whose clock runs at λ(1+c)ψ(-c z_0) in place of λ/2.",
    source=Source(PROJECT, "9"),
    provenance=(Provenance.NEW,),
    quantity="first memorization time of the run nearest to an end of its enclosure (units of η·step)",
    natural_range=TIME,
    relation=Relation.WITHIN,
    expression=sp.Eq(_T, sp.Symbol("T_III", positive=True) * (1 + sp.exp(-_c * z)) / (2 * (1 + _c))),
    assumptions=(*OVER_ATTACK, ROOT_NEURON, SMALL_BEFORE_ARRIVAL, STAYS_SMALL, UPPER_END),
    depends_on=("theorem_1.over_attack_plateau",),
    limitations="The formula is the leading order, z at z_0; what is compared is the enclosure. "
    f"{ARITHMETIC} {SIZES}",
)

ERRORS = Claim(
    label="theorem_1.over_attack_errors",
    statement="For κ_- < κ < 0 every attacked training point is right in the end, fresh clean points are too, and "
    "more than three quarters of the fresh attacked ones are wrong, where κ >= 0 allows one half at most.",
    source=Source(PROJECT, "9"),
    provenance=(Provenance.NEW,),
    quantity="errors counted in every run (robust train, clean test, robust test), the one nearest to an end of "
    "its interval",
    natural_range=RATE,
    relation=Relation.WITHIN,
    expression=sp.And(
        sp.Eq(err_robust, sp.Rational(1, 2) + P(sp.Abs(V) <= _c * z) / 2), sp.Eq(err_clean, P(sp.Abs(V) > z) / 2)
    ),
    assumptions=(*OVER_ATTACK, WIDTH),
    depends_on=("theorem_1.over_attack_plateau",),
    limitations="How near the test errors are to 0 and 1: the levels are 0.05 for the clean, 3/4 for the robust. "
    f"`theorem_1.robust_error_law` judges the law. {SIZES}",
)


def check_plateau(
    runs: TrainedEvidence, failure_probability: float, *, predict: Bracket = bracketed_once
) -> CheckedPair:
    """Of every run the least and the greatest recorded z, while V is small and from the arrival to the end."""

    def look(group: RunGroup) -> Sequence[JudgedRun]:
        entries, runs, error = [], group.trajectories, group.flow_error.signal_margin
        times = runs.checkpoint_times
        for run, draw in enumerate(initial_draws(runs)):
            bracket = predict(group.setting, draw, float(times[-1]))
            if bracket is None:
                # A number that is there: NaN would say that the run is outside, and speak for all others.
                last = float(runs.final_signal_margin[run])
                entries.append(per_run(group, run, _nothing(group.setting, draw), last))
                continue
            z = runs.signal_margin[run]
            late = (times >= bracket.arrival) & (times <= runs.final_time[run])
            early = late & (times <= bracket.small_until)
            rests = resting_margin(group.setting), memorized_margin(group.setting)
            for interval, leading, values in (
                (bracket.narrow, rests[0], z[early]),
                (bracket.wide, rests[1], np.append(z[late], runs.final_signal_margin[run])),
            ):
                predicted = Prediction(interval, bracket.assumed, leading)
                ends = (values.min(), values.max()) if values.size else ()
                entries += [per_run(group, run, predicted, float(v), relative_error=error) for v in ends]
        return entries

    return nearest_to_violation(runs.over_attack, look, failure_probability)


def check_time(
    runs: TrainedEvidence, failure_probability: float, *, predict: Bracket = bracketed_once
) -> CheckedPair:
    """Each run's first memorization time against its own enclosure."""

    def look(group: RunGroup) -> Sequence[JudgedRun]:
        entries, reached = [], first_memorization(group.trajectories)
        for run, draw in enumerate(initial_draws(group.trajectories)):
            bracket = predict(group.setting, draw, float(group.trajectories.checkpoint_times[-1]))
            if bracket is None:
                predicted = _nothing(group.setting, draw)
            else:
                leading, end = leading_over_attack_time(group.setting, draw), bracket.first.high
                assumed = (*bracket.assumed, UPPER_END.given(T_latest=end))
                predicted = Prediction(bracket.first if math.isfinite(end) else None, assumed, leading)
            error = group.flow_error.first_memorization
            entries.append(per_run(group, run, predicted, float(reached[run]), relative_error=error))
        return entries

    return nearest_to_violation(runs.over_attack, look, failure_probability)


def _nothing(setting: PatchSetting, draw: InitialDraw) -> Prediction:
    return Prediction(None, root_conditions(setting, draw))


def check_errors(runs: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The counted errors of every run between κ_- and 0, each with its interval of Clopper and Pearson."""
    groups = tuple(group for group in runs.over_attack if not memorized_margin(group.setting) < 0.0)
    share = failure_probability / max(1, 2 * sum(group.trajectories.runs for group in groups))

    def look(group: RunGroup) -> Sequence[JudgedRun]:
        entries, counted = [], group.errors
        for run, draw in enumerate(initial_draws(group.trajectories)):
            assumed = (*root_conditions(group.setting, draw), *evaluated((WIDTH,), group.setting, draw))
            robust_train = float(counted.robust_train[run] / counted.train_points)
            entries.append(per_run(group, run, Prediction(Interval.point(0.0), assumed), robust_train))
            for allowed, wrong in (
                (Interval(0.0, GENERALIZED), counted.clean_test),
                (Interval(OVER_ATTACKED, 1.0), counted.robust_test),
            ):
                entry = counted_run(allowed, int(wrong[run]), counted.test_points, share, assumed)
                entries.append(replace(entry, failure=group.failure_of(run)))
        return entries

    return nearest_to_violation(groups, look, failure_probability)


def counted_run(
    allowed: Interval, wrong: int, points: int, share: float, assumed: tuple[EvaluatedCondition, ...]
) -> JudgedRun:
    """A count of misclassified points against an interval of error rates."""
    ends = clopper_pearson(wrong, points, share)
    source = Counts(wrong, points, share)
    return JudgedRun(allowed, Interval(ends.low, ends.high), wrong / points, assumed, source=source)


_POWER_OFF = told(
    bracketed_once,
    attacked_signal_fraction=lambda s: -(abs(s.attacked_signal_fraction) ** ((s.degree - 1) / s.degree)),
)
_SWAPPED = told(bracketed_once, adversarial_weight=lambda s: 1.0 - s.adversarial_weight)
_HALF_C = told(
    bracketed_once,
    attacked_signal_fraction=lambda s: s.attacked_signal_fraction * 0.5 ** (1.0 / s.degree),
)


def _one_other_attack(evidence: TrainedEvidence) -> TrainedEvidence:
    """The first run of the last group was trained at the κ of the group before."""
    *rest, other, own = evidence.over_attack
    runs = first_replaced(own.trajectories, other.trajectories, own.trajectories.runs)
    return replace(evidence, over_attack=(*rest, other, replace(own, trajectories=runs)))


def _one_counted_negated(evidence: TrainedEvidence) -> TrainedEvidence:
    """The networks of the last group are negated before the first one's errors are counted."""
    *rest, own = evidence.over_attack
    counted = measure_errors(negated(own.trajectories), test_points=own.errors.test_points)
    return replace(
        evidence,
        over_attack=(*rest, replace(own, errors=first_replaced(own.errors, counted, own.trajectories.runs))),
    )


ONE_OTHER = NegativeControl("one_other_attack", "one run is trained under another κ", _one_other_attack)

CHECKED = (
    CheckedClaim(
        PLATEAU,
        check_plateau,
        (
            with_wrong("power_off", "c = |κ|^(q-1)", predict=_POWER_OFF),
            with_wrong("gain_halved", "half of c", predict=_HALF_C),
            with_wrong("weights_swapped", "λ and 1 - λ swapped", predict=_SWAPPED),
            ONE_OTHER,
        ),
        needs=("over_attack",),
    ),
    CheckedClaim(
        TIME_CLAIM,
        check_time,
        (
            with_wrong("power_off", "c = |κ|^(q-1)", predict=_POWER_OFF),
            with_wrong("weights_swapped", "λ and 1 - λ swapped", predict=_SWAPPED),
            ONE_OTHER,
        ),
        needs=("over_attack",),
    ),
    CheckedClaim(
        ERRORS,
        check_errors,
        (
            NegativeControl(
                "weaker_attack",
                "fresh points are attacked with κ = 0.1 in place of κ < 0",
                recounted("over_attack", attacked_at(0.1)),
            ),
            NegativeControl("one_sign_flipped", NEGATED_ONE, _one_counted_negated),
        ),
        needs=("over_attack",),
    ),
)


def over_attack_figure(runs: TrainedEvidence) -> Figure:
    """The signal margins of every run against time, in units of the first memorization, with both roots."""
    weights = sorted({group.setting.adversarial_weight for group in runs.over_attack})
    panels = []
    for weight in weights:
        own = [group for group in runs.over_attack if group.setting.adversarial_weight == weight]
        fractions = sorted({group.setting.attacked_signal_fraction for group in own})
        series, markers = [], []
        for colour, fraction in enumerate(fractions):
            groups = [group for group in own if group.setting.attacked_signal_fraction == fraction]
            for place, group in enumerate(groups):
                runs_of = group.trajectories
                times, z = runs_of.checkpoint_times, runs_of.signal_margin[0]
                shown = np.isfinite(z) & (times > 0)
                scaled = np.append(times[shown], runs_of.final_time[0]) / first_memorization(runs_of)[0]
                kept = np.append(z[shown], runs_of.final_signal_margin[0])
                label = "" if place else f"κ = {fraction:g}"
                series.append(Series(label, scaled.tolist(), kept.tolist(), colour))
            setting = groups[0].setting
            markers += [
                Marker("", resting_margin(setting), axis="y"),
                Marker("", memorized_margin(setting), axis="y"),
            ]
        panels.append(
            Panel(
                f"λ = {weight:g}",
                "time over first memorization time",
                r"signal margin $z$",
                tuple(series),
                markers=tuple(markers),
                x_scale="log",
                legend="below",
            )
        )
    return Figure(
        "theorem_1_over_attack",
        "Beyond α the plateau is a number",
        "One run for each d at every κ. Lines: the roots z_0, before memorization, and z_∞, after it; neither "
        "knows d.",
        tuple(panels),
        ("theorem_1.over_attack_plateau", "theorem_1.over_attack_memorization_time"),
    )
