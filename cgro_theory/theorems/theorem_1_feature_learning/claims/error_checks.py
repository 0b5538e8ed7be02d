"""Checks of theorem 1 that count misclassified points of trained networks.

Given the networks, every fresh point is drawn on its own, so counts over runs may be pooled also where runs of a
ladder share their initial draw; no statement about other draws is made from pooled points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import clopper_pearson, empirical_bernstein, median_by_order_statistics
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw, directional_errors
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.claims.per_run import extreme_run
from cgro_theory.theorems.theorem_1_feature_learning.runs.counted_errors import NoiseLevels
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import seed_parts
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import Groups, RunGroup, TrainedEvidence

DIRECTIONS = 1024
"""Sampled directions per network and noise level, for the law of a fresh point's noise margin."""


def check_clean_train_error(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Misclassified clean training points, counted by evaluating the network."""
    return extreme_run(
        evidence.main,
        Interval.point(0.0),
        lambda group: group.errors.clean_train / group.errors.train_points,
        failure_probability=failure_probability,
    )


def check_robust_train_error(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Misclassified attacked training points, counted by evaluating the network under a scan of shifts."""
    return extreme_run(
        evidence.main,
        Interval.point(0.0),
        lambda group: group.errors.robust_train / group.errors.train_points,
        failure_probability=failure_probability,
    )


@dataclass(frozen=True)
class _Network:
    """One network at its noise levels: what was counted, and the law and margin that are told."""

    seed: int
    degree: int
    law: NoiseMarginLaw
    margin: float
    levels: NoiseLevels
    run: int

    @property
    def wrong(self) -> NDArray[np.int64]:
        return np.asarray(self.levels.wrong[self.run])

    @property
    def second_moment_ratio(self) -> float:
        """Mean of V² on the counted points over the told variance."""
        return float(self.levels.second_moment[self.run]) / self.law.variance

    def errors(self, level: int) -> NDArray[np.float64]:
        """The law's error at a level, given sampled directions; V grows like the factor to the power q."""
        seed = derived_seed(self.seed, "law at noise levels", level)
        margin = self.margin / float(self.levels.factors[self.run, level]) ** self.degree
        generator = np.random.default_rng(seed)
        return directional_errors(self.law, margin, directions=DIRECTIONS, generator=generator)

    def bound(self, level: int) -> float:
        """Var V / (2 z²) at a level, never above 1: as stated, whatever the sign of z."""
        margin = abs(self.margin) / float(self.levels.factors[self.run, level]) ** self.degree
        return self.law.chebyshev_bound(margin) / 2.0 if margin > 0 else 1.0


def check_clean_test_error(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Counted clean errors against their law and its bound Var V / (2 z²), where errors occur.

    At the noise of training no error is seen, and the bound is far below what counting resolves. The bound holds
    for fresh noise of any strength, so it is put to the test where the noise is louder. Three things are counted
    as contradictions: a counted rate (of one network, or of all at one level) whose Clopper-Pearson interval is
    disjoint from the law's; one whose lower end is above the bound; and second moments of V, measured at the noise
    of training, that exclude the told variance. The last: a mean of V²/Var V over n points has a standard
    deviation of at most ((9^q - 1)/n)^(1/2), as E V⁴ <= 9^q (E V²)² by hypercontractivity (odd q), hence a median
    that near to 1, which the sign test's interval over the networks must reach.
    """
    networks = _networks(evidence)
    if not networks or not evidence.full:
        return CheckedPair(
            Prediction(Interval.point(0.0)), Measurement.failed("the runs of this claim were not made")
        )
    levels = networks[0].levels.factors.shape[1]
    sizes = sorted({network.levels.points for network in networks})
    share = failure_probability / (2 * levels * (len(sizes) + len(networks)) + 1)
    contradictions = 0
    notes: list[tuple[str, float]] = []
    for level in range(levels):
        for points in sizes:  # a mean over networks is a rate of points where all have equally many
            some = [network for network in networks if network.levels.points == points]
            errors, bounds = [n.errors(level) for n in some], [n.bound(level) for n in some]
            counts = [int(network.wrong[level]) for network in some]
            for law, bound, count in zip(errors, bounds, counts, strict=True):
                contradictions += _contradicts(law, bound, count, points, share)
            wrong, tried, bound = sum(counts), points * len(some), float(np.mean(bounds))
            contradictions += _contradicts(np.concatenate(errors), bound, wrong, tried, share)
            of = f"noise level {level + 1}" + (f", {points} points a network" if len(sizes) > 1 else "")
            notes += [(f"counted error at {of}", wrong / tried), (f"mean bound at {of}", bound)]
    ratios = [network.second_moment_ratio for network in networks]
    middle = median_by_order_statistics(ratios, share)
    room = max(math.sqrt((9.0**network.degree - 1.0) / network.levels.points) for network in networks)
    contradictions += middle.high < 1.0 - room or middle.low > 1.0 + room
    seen = sum(int(group.errors.clean_test.sum()) for group in evidence.main)
    tried = sum(group.errors.test_points * group.trajectories.runs for group in evidence.main)
    broken = next((group.failure for group in evidence.main if group.failure), "")
    measurement = Measurement(
        estimate=float(contradictions),
        interval=Interval.point(float(contradictions)),
        confidence=1.0 - failure_probability,
        runs=len(networks),
        evidence=Kind.STATISTICAL,
        seeds=tuple(sorted({network.seed for network in networks})),
        failure="" if contradictions else broken,
        notes=(
            *notes,
            ("median of the measured E V² over Var V", float(np.median(ratios))),
            ("errors seen at the noise of training", float(seen)),
            ("points at the noise of training", float(tried)),
            ("their Clopper-Pearson upper end", clopper_pearson(seen, tried, failure_probability).high),
            ("networks with their weights held in full", float(len(evidence.full))),
        ),
    )
    return CheckedPair(Prediction(Interval.point(0.0)), measurement)


def _networks(evidence: TrainedEvidence) -> list[_Network]:
    found = []
    for group in evidence.main:
        runs, setting = group.trajectories, group.assumed
        for run in range(runs.runs):
            if run in runs.broken:
                continue
            gram = setting.noise_std**2 * runs.final_weight_gram[run]
            law = NoiseMarginLaw(gram, setting.degree, setting.noise_patches)
            margin = setting.clean_gain * float(runs.final_signal[run])
            found.append(_Network(runs.seeds[run], setting.degree, law, margin, group.levels, run))
    for network in evidence.full:
        law = network.law(network.setting.noise_std)
        degree = network.setting.degree
        found.append(_Network(network.seed, degree, law, network.signal_margin, network.levels, 0))
    return found


def _contradicts(
    law_errors: NDArray[np.float64], bound: float, wrong: int, points: int, failure_probability: float
) -> int:
    """1 when a counted rate has an interval disjoint from its law's, or surely exceeds its bound; else 0."""
    counted = clopper_pearson(wrong, points, failure_probability)
    law = empirical_bernstein(law_errors, failure_probability)
    return int(counted.high < law.low or law.high < counted.low or counted.low > bound)


def check_robust_test_error(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Fresh attacked points misclassified, against the exact law of V."""
    groups, half, errors = evidence.main, failure_probability / 2, []
    for group in groups:
        margins = group.assumed.attacked_gain * group.trajectories.final_signal
        laws = group.trajectories.final_noise_margin_laws()
        errors += [
            directional_errors(law, float(margin), directions=2048, generator=_generator(group, run))
            for run, (law, margin) in enumerate(zip(laws, margins, strict=True))
        ]
    law_ends = empirical_bernstein(np.concatenate(errors), half)
    prediction = Prediction(Interval(law_ends.low, law_ends.high), leading_order=float(np.mean(errors)))
    counts = [group.errors.robust_test for group in groups]
    trials = [group.errors.test_points * group.trajectories.runs for group in groups]
    return CheckedPair(prediction, _counted(groups, counts, trials, half, failure_probability))


def _generator(group: RunGroup, run: int) -> np.random.Generator:
    runs = group.trajectories
    return np.random.default_rng(derived_seed(runs.seeds[run], "law directions", *seed_parts(runs.setting)))


def check_standard_training(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Robust train error with λ = 0 over all points of the largest group; their signs are fair coins.

    The groups of a ladder share their draws, hence the coins, and one group is enough.
    """
    group = max(evidence.standard, key=lambda entry: entry.trajectories.runs)
    trials = group.trajectories.runs * group.errors.train_points
    measurement = _counted(
        (group,), [group.errors.robust_train], [trials], failure_probability, failure_probability
    )
    return CheckedPair(Prediction(Interval.point(0.5), leading_order=0.5), measurement)


def check_clean_weight_needed(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Fresh points of the λ = 1 runs whose label is not the one that the sign of U(0) dictates.

    Counted errors, mean over the points, against the mean of Var V / (2 z²).
    """
    groups = evidence.adversarial_only
    against, bounds, trials, negatives = [], [], [], 0
    for group in groups:
        negative = group.trajectories.signal[:, 0] < 0
        negatives += int(negative.sum())
        points = group.errors.test_points
        against.append(np.where(negative, points - group.errors.clean_test, group.errors.clean_test))
        sizes = np.abs(group.trajectories.final_signal_margin)
        for law, size in zip(group.trajectories.final_noise_margin_laws(), sizes, strict=True):
            bounds.append(law.chebyshev_bound(float(size)) / 2)
            trials.append(points)
    bound = float(np.average(bounds, weights=trials))
    measurement = _counted(groups, against, trials, failure_probability, failure_probability)
    notes = (*measurement.notes, ("runs with U(0) < 0", float(negatives)))
    return CheckedPair(Prediction(Interval(0.0, bound), leading_order=bound), replace(measurement, notes=notes))


def _counted(
    groups: Groups,
    wrong: Sequence[NDArray[np.int64]],
    trials: Sequence[int],
    interval_failure: float,
    failure_probability: float,
) -> Measurement:
    """An error rate over all points of all groups, with Clopper and Pearson's interval."""
    total, count = sum(trials), int(sum(entry.sum() for entry in wrong))
    ends = clopper_pearson(count, total, interval_failure)
    return Measurement(
        estimate=count / total,
        interval=Interval(ends.low, ends.high),
        confidence=1.0 - failure_probability,
        runs=sum(group.trajectories.runs for group in groups),
        evidence=Kind.STATISTICAL,
        seeds=groups[0].trajectories.seeds,
        failure=next((group.failure for group in groups if group.failure), ""),
        notes=(("points", float(total)),),
    )
