"""The checks of the landscape's claims. One number per seed: a seed draws split, start, batches and attacks, so
that seeds are independent given the pool of images; epochs and widths of one seed are not, and are never counted
as if they were.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from cgro_theory.claims import Claim, Evidence, Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import student_mean
from cgro_theory.theorems.landscape.claims import statement
from cgro_theory.theorems.landscape.runs.trained import LandscapeEvidence, ReachedError
from cgro_theory.theorems.room import Check, CheckedPair
from cgro_theory.vision.experiment import ExperimentRecord, Moment

_POSITIVE = Interval.at_least(math.ulp(0.0))
Note = tuple[str, float]


def check_flat_inside(evidence: LandscapeEvidence, failure_probability: float) -> CheckedPair:
    """The growth exponent of each main run from ε0 to 2ε0, on its training images; Student over the seeds."""
    wanted = Interval.at_least(math.nextafter(statement.QUADRATIC_EXPONENT, math.inf))
    radius, exponents = evidence.radius, []
    notes: list[Note] = []
    for run in evidence.main:
        around = run.final.train
        change = math.log2(around.loss_change(2 * radius) / around.loss_change(radius))
        norm = 1.0 + math.log2(around.gradient_norm(2 * radius) / around.gradient_norm(radius))
        exponents.append(min(change, norm))
    for name, runs in (("adversarial", evidence.main), ("standard", evidence.controls)):
        for factor in (0.5, 1.0, 2.0):
            notes += _mean_notes(name, runs, factor, radius)
    return _pair(
        evidence, statement.FLAT_INSIDE, wanted, {"growth exponent": exponents}, failure_probability, notes
    )


def _mean_notes(name: str, runs: Sequence[ExperimentRecord], factor: float, radius: float) -> list[Note]:
    usable = [run.final.train for run in runs if factor * radius in run.final.train.radii]
    if not usable:
        return []
    where = f"{name} training, train images, r = {factor:g} ε0"
    return [
        (f"{where}: mean C_r", float(np.mean([around.loss_change(factor * radius) for around in usable]))),
        (f"{where}: mean F_r", float(np.mean([around.gradient_norm(factor * radius) for around in usable]))),
    ]


def check_local_versus_global(evidence: LandscapeEvidence, failure_probability: float) -> CheckedPair:
    """Three changes of each main run from the middle epoch to the last; Student over the seeds for each."""
    radius = evidence.radius
    parts: dict[str, list[float]] = {"-Δ ln local flatness": [], "Δ ln global flatness": [], "Δ gap": []}
    for run in evidence.main:
        middle, last = _moment(run, run.recipe.epochs // 2), _moment(run, run.recipe.epochs)
        local = last.train.gradient_norm(radius) / middle.train.gradient_norm(radius)
        world = last.test.gradient_norm(radius) / middle.test.gradient_norm(radius)
        parts["-Δ ln local flatness"].append(-math.log(local))
        parts["Δ ln global flatness"].append(math.log(world))
        parts["Δ gap"].append(last.robust_gap(radius) - middle.robust_gap(radius))
    notes = [(f"mean {name}", float(np.mean(values))) for name, values in parts.items() if values]
    return _pair(evidence, statement.LOCAL_VERSUS_GLOBAL, _POSITIVE, parts, failure_probability, notes)


def _moment(run: ExperimentRecord, epoch: int) -> Moment:
    return next(moment for moment in run.moments if moment.epoch == epoch)


def check_gap_follows(evidence: LandscapeEvidence, failure_probability: float) -> CheckedPair:
    """Spearman's ρ over the epochs and widths of each seed, then Student over the seeds."""
    by_seed: dict[int, list[tuple[float, float]]] = {}
    late: dict[int, list[tuple[float, float]]] = {}
    for run in evidence.runs:
        for moment in run.moments:
            flatness = moment.test.gradient_norm(evidence.radius) ** evidence.flatness_power
            point = (moment.robust_gap(evidence.radius), flatness)
            by_seed.setdefault(run.seed, []).append(point)
            if 2 * moment.epoch >= run.recipe.epochs:
                late.setdefault(run.seed, []).append(point)
    correlations = [spearman(points) for points in by_seed.values()]
    notes = [
        ("pooled over everything (not independent)", spearman([p for points in by_seed.values() for p in points]))
    ]
    if late:
        notes.append(("mean over seeds, second half only", float(np.mean([spearman(p) for p in late.values()]))))
    for run_width in sorted({run.recipe.width for run in evidence.runs}):
        ends = [
            (run.moments[-1].robust_gap(evidence.radius), run.moments[-1].test.gradient_norm(evidence.radius))
            for run in evidence.runs
            if run.recipe.width == run_width and run.moments
        ]
        notes.append((f"over seeds alone, last epoch, width {run_width}", spearman(ends)))
    parts = {"rank correlation": correlations}
    return _pair(evidence, statement.GAP_FOLLOWS, _POSITIVE, parts, failure_probability, notes)


def spearman(points: Sequence[tuple[float, float]]) -> float:
    """Spearman's rank correlation of pairs, ties at their mean rank; NaN when a side is constant or n < 3."""
    if len(points) < 3:
        return math.nan
    ranks = [stats.rankdata(side) for side in zip(*points, strict=True)]
    first, second = (rank - rank.mean() for rank in ranks)
    scale = math.sqrt(float(first @ first) * float(second @ second))
    return float(first @ second) / scale if scale > 0.0 else math.nan


def check_capacity(evidence: LandscapeEvidence, failure_probability: float) -> CheckedPair:
    """Differences between the three widths, paired by seed; Student over the seeds for each."""
    roles = evidence.roles
    if roles is None or not evidence.ladder:
        return CheckedPair(Prediction(_POSITIVE), Measurement.failed("no ladder of widths was trained"))
    narrow, middle, wide = (evidence.rungs(width) for width in (roles.narrow, roles.middle, roles.wide))
    parts: dict[str, list[float]] = {"rise of accuracy": [], "widening of the gap": [], "narrowing of the gap": []}
    for seed in sorted(set(narrow) & set(middle) & set(wide)):
        radius = narrow[seed].recipe.radius
        small, mid, large = (runs[seed].final for runs in (narrow, middle, wide))
        parts["rise of accuracy"].append(small.train.robust_error(radius) - mid.train.robust_error(radius))
        parts["widening of the gap"].append(mid.robust_gap(radius) - small.robust_gap(radius))
        parts["narrowing of the gap"].append(mid.robust_gap(radius) - large.robust_gap(radius))
    notes: list[Note] = []
    for run_width in sorted({run.recipe.width for run in evidence.ladder}):
        finals = [run.final for run in evidence.rungs(run_width).values()]
        radius = evidence.ladder[0].recipe.radius
        accuracy = 1.0 - float(np.mean([final.train.robust_error(radius) for final in finals]))
        notes.append((f"width {run_width}: mean robust train accuracy", accuracy))
        notes.append(
            (f"width {run_width}: mean gap", float(np.mean([final.robust_gap(radius) for final in finals])))
        )
    notes += _intervals(parts, failure_probability)
    return _pair(
        evidence, statement.CAPACITY, _POSITIVE, parts, failure_probability, notes, evidence.ladder_reached
    )


def _intervals(parts: Mapping[str, Sequence[float]], failure_probability: float) -> list[Note]:
    notes: list[Note] = []
    for name, values in parts.items():
        if len(values) >= 2:
            ends = _mean_within(values, failure_probability / len(parts), statement.CAPACITY.natural_range)
            notes += [(f"{name}: low", ends.low), (f"{name}: high", ends.high)]
    return notes


def _mean_within(values: Sequence[float], failure_probability: float, natural_range: Interval) -> Interval:
    """Student's interval of a mean, cut to the range in which every value lies: the mean lies there too."""
    ends = student_mean(values, failure_probability)
    low, high = natural_range.low, natural_range.high
    return Interval(min(max(ends.low, low), high), max(min(ends.high, high), low))


def _pair(
    evidence: LandscapeEvidence,
    claim: Claim,
    wanted: Interval,
    parts: Mapping[str, Sequence[float]],
    failure_probability: float,
    notes: Sequence[Note],
    reached: Sequence[ReachedError] | None = None,
) -> CheckedPair:
    """The least of the parts' means against ``wanted``: Student's intervals hold together by the union bound.

    Whether a training reached its target is an outcome. The claims speak of networks that did, so one that did
    not is neither left out nor counted: nothing is decided.
    """
    prediction = Prediction(wanted)
    unfitted = _unfitted(evidence.reached if reached is None else reached)
    if unfitted:
        return CheckedPair(prediction, Measurement.failed(unfitted))
    if evidence.failures:
        return CheckedPair(prediction, Measurement.failed("a run broke off: " + evidence.failures[0]))
    if any(len(values) < 2 for values in parts.values()):
        return CheckedPair(prediction, Measurement.failed("fewer than two runs"))
    if not all(math.isfinite(value) for values in parts.values() for value in values):
        return CheckedPair(prediction, Measurement.failed("a measure is not a finite number"))
    share = failure_probability / len(parts)
    ends = [_mean_within(values, share, claim.natural_range) for values in parts.values()]
    # The least mean lies between the least low end and the least high end when every interval holds.
    interval = Interval(min(end.low for end in ends), min(end.high for end in ends))
    seeds = tuple(sorted({run.seed for run in (*evidence.runs, *evidence.ladder)}))
    measured = Measurement(
        min(float(np.mean(values)) for values in parts.values()),
        interval,
        1.0 - failure_probability,
        min(len(values) for values in parts.values()),
        Evidence.STATISTICAL,
        seeds=seeds,
        notes=tuple(notes),
    )
    return CheckedPair(prediction, measured)


def _unfitted(reached: Sequence[ReachedError]) -> str:
    """Which runs that should have fitted their attacked training images did not; nothing when all did."""
    limit = statement.LOW_ROBUST_TRAIN_ERROR
    above = [entry for entry in reached if not entry.robust_train_error <= limit]
    if not above:
        return ""
    worst = max(above, key=lambda entry: _or_worst(entry.robust_train_error))
    return (
        f"a training missed its target: robust train error {worst.robust_train_error:.3f} > {limit:g} at width "
        f"{worst.width}, seed {worst.seed} ({len(above)} of {len(reached)} runs)"
    )


def _or_worst(error: float) -> float:
    return math.inf if math.isnan(error) else error


CHECKS: Mapping[str, Check] = {
    "landscape.flat_inside_sharp_outside": check_flat_inside,
    "landscape.local_versus_global": check_local_versus_global,
    "landscape.gap_follows_global_flatness": check_gap_follows,
    "landscape.capacity": check_capacity,
}
