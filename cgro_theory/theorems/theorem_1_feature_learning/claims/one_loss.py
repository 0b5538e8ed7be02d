"""Training with one loss only (theory.md 2.4): clean points alone (λ = 0), or attacked points alone (λ = 1)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from cgro_theory.claims import Claim, Interval, Prediction, Provenance, Relation, Source
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair

from ..runs.initial_draws import initial_draws
from ..runs.trained import RunGroup, TrainedEvidence
from ..theory.conditions import NO_ATTACK, NO_CLEAN_POINTS, PAPERS_ATTACK, SIGNAL_NEURON, SMALL_NOISE, WIDTH
from ..theory.signal import clean_drive, noise_margin_bound
from .negative_controls import all_negated, judged_on, slipped_in
from .scope import met, met_by_all
from .symbols import PROJECT, RATE, REAL, TIME, J, V, Var_V, m, q, z
from .worst_run import BELOW_ONE, counted, every_run, judge_runs, per_run, seeds_of

STANDARD = (SIGNAL_NEURON, NO_ATTACK)
ATTACKED_ONLY = (WIDTH, NO_CLEAN_POINTS, PAPERS_ATTACK)


STANDARD_SIGNAL = Claim(
    label="theorem_1.standard_signal",
    statement="Standard training (λ = 0) learns the signal: α^q U >= 1.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="smallest final signal margin over the runs with λ = 0",
    natural_range=REAL,
    relation=Relation.AT_LEAST,
    expression=sp.Ge(z, 1),
    assumptions=STANDARD,
    depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
)


def _final_margin(group: RunGroup) -> NDArray[np.float64]:
    return group.trajectories.final_signal_margin


STANDARD_NOISE = Claim(
    label="theorem_1.standard_noise",
    statement="Standard training (λ = 0) memorizes nothing: every |V_i| stays below a bound of its initial order "
    "until the signal margin passes 60, which takes some e^60 units of time.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="largest ratio of |V_i| at the end to its bound over the runs with λ = 0",
    natural_range=TIME,
    relation=Relation.AT_MOST,
    expression=sp.Le(sp.Abs(V), J * m * sp.Symbol("M", real=True) ** q),
    assumptions=(*STANDARD, SMALL_NOISE),
    depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
    limitations="The bound comes from the whole clock that the signal can use before its margin passes 60; the "
    "runs end much earlier, and nothing is said of what comes after.",
)


def check_standard_noise(runs: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The largest |V_i| with λ = 0, over its bound for all time, which must itself be below 1 (by the draw)."""
    largest, entries = 0.0, []
    for group in runs.standard:
        sizes = np.abs(group.trajectories.final_noise_margins).max(axis=1)
        rows = zip(initial_draws(group.trajectories), met(group, STANDARD), strict=True)
        for run, (draw, assumed) in enumerate(rows):
            drive = clean_drive(group.setting, draw, group.trajectories.learning_rate)
            bound = noise_margin_bound(group.setting, draw, drive)
            largest = max(largest, bound)
            predicted = Prediction(Interval(0.0, 1.0), (*assumed, SMALL_NOISE.given(V_max=bound)))
            entries.append(per_run(group, run, predicted, float(sizes[run] / bound)))
    notes = (("largest bound of |V_i|", largest),)
    return judge_runs(entries, failure_probability, seeds=seeds_of(runs.standard), notes=notes)


STANDARD_TRAINING = Claim(
    label="theorem_1.standard_training",
    statement="Standard training (λ = 0) is not robust even on its training set, under an attack of the paper's "
    "form: its robust train error is near 1/2.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="robust train error with λ = 0, all points of all runs",
    natural_range=RATE,
    relation=Relation.EQUALS,
    tolerance=0.1,
    expression=sp.Eq(sp.Symbol("err_robust_train", real=True), sp.Rational(1, 2)),
    assumptions=(*STANDARD, PAPERS_ATTACK),
    depends_on=("theorem_1.standard_signal", "theorem_1.standard_noise", "lemmas.odd_symmetry"),
    limitations="Other κ: with a weaker attack the signal alone makes the network robust. The signs of the "
    "V_i(0) are independent fair coins; the tolerance 0.1 is fixed here.",
)


def check_standard_training(runs: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Robust train error with λ = 0 over all points of the largest group; their signs are fair coins.

    The groups of a ladder share their draws, hence the coins, and one group is enough.
    """
    group = max(runs.standard, key=lambda entry: entry.trajectories.runs)
    trials = group.trajectories.runs * group.errors.train_points
    measurement = counted(
        (group,), [group.errors.robust_train], [trials], failure_probability, failure_probability
    )
    return CheckedPair(
        Prediction(Interval.point(0.5), met_by_all((group,), STANDARD_TRAINING.assumptions), 0.5), measurement
    )


ADVERSARIAL_ONLY_SIGNAL = Claim(
    label="theorem_1.adversarial_only_signal",
    statement="With λ = 1 and an attack of the paper's form the signal margin stays below 1 until a point is "
    "memorized.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="largest signal margin at the end over the runs with λ = 1",
    natural_range=REAL,
    relation=Relation.AT_MOST,
    expression=sp.Lt(z, 1),
    assumptions=ATTACKED_ONLY,
    depends_on=("theorem_1.gradient_identity",),
    limitations="Other κ. Measured when all points are memorized, which is later than the claim needs.",
)


CLEAN_WEIGHT_NEEDED = Claim(
    label="theorem_1.clean_weight_needed",
    statement="With λ = 1 and an attack of the paper's form the clean test error is near 0 or near 1 according to "
    "the sign of U(0), up to Var V / (2 z²) in the mean over the runs; so λ < 1 cannot be dropped.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="distance of the clean test error from 1{U(0) < 0}, mean over the runs with λ = 1",
    natural_range=RATE,
    relation=Relation.AT_MOST,
    expression=sp.Le(sp.Symbol("err_sign", real=True), Var_V / (2 * z**2)),
    assumptions=ATTACKED_ONLY,
    depends_on=("theorem_1.adversarial_only_signal", "lemmas.odd_symmetry"),
    limitations="A statement about the mean: a run whose U(0) is small against std V may err anywhere between. "
    "That the two signs of U(0) are equally likely is the symmetry of its law, not sampled.",
)


def check_clean_weight_needed(runs: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Fresh points of the λ = 1 runs whose label is not the one that the sign of U(0) dictates.

    Counted errors, mean over the points, against the mean of Var V / (2 z²).
    """
    groups = runs.adversarial_only
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
    measurement = counted(groups, against, trials, failure_probability, failure_probability)
    notes = (*measurement.notes, ("runs with U(0) < 0", float(negatives)))
    prediction = Prediction(Interval(0.0, bound), met_by_all(groups, ATTACKED_ONLY), bound)
    return CheckedPair(prediction, replace(measurement, notes=notes))


def _half_of_chebyshev(*, Var_V: float, z: float) -> float:
    one_cubic = NoiseMarginLaw(np.array([[(Var_V / 15.0) ** (1.0 / 3.0)]]), 3, 1)  # E g^6 = 15 for a normal g
    return one_cubic.chebyshev_bound(z) / 2


MIXED_RUNS = judged_on("mixed_runs", "adversarial_only", "main")
ADVERSARIAL_RUNS = judged_on("adversarial_runs", "standard", "main")

CHECKED = (
    CheckedClaim(
        STANDARD_SIGNAL,
        every_run("standard", Interval.at_least(1.0), _final_margin, STANDARD),
        (
            judged_on("adversarial_only", "standard", "adversarial_only"),
            slipped_in("one_adversarial_only", "standard", "adversarial_only"),
        ),
        needs=("standard", "adversarial_only"),
    ),
    CheckedClaim(
        STANDARD_NOISE,
        check_standard_noise,
        (ADVERSARIAL_RUNS, slipped_in("one_adversarial_run", "standard", "main")),
        needs=("standard", "main"),
    ),
    CheckedClaim(STANDARD_TRAINING, check_standard_training, (ADVERSARIAL_RUNS,), needs=("standard", "main")),
    CheckedClaim(
        ADVERSARIAL_ONLY_SIGNAL,
        every_run("adversarial_only", Interval.at_most(BELOW_ONE), _final_margin, ATTACKED_ONLY),
        (MIXED_RUNS, slipped_in("one_mixed_run", "adversarial_only", "main")),
        needs=("adversarial_only", "main"),
    ),
    CheckedClaim(
        CLEAN_WEIGHT_NEEDED,
        check_clean_weight_needed,
        (MIXED_RUNS, all_negated("adversarial_only")),
        needs=("adversarial_only", "main"),
        numeric=_half_of_chebyshev,
    ),
)
