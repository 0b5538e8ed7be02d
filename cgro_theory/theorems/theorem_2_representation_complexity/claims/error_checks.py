"""The checks of the three errors: robust on the training set, clean and robust on the population."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cgro_theory.claims import Evidence, Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.proof import certify
from cgro_theory.theorems.theorem_2_representation_complexity.networks.layered import pad_to_layers
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import Memorizer
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import separation, training_set
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import (
    CleanComparison,
    RepresentationEvidence,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory import counts as prediction

_ZERO = Prediction(Interval.point(0.0))
_VALUES_AT_ONCE = 1 << 24


def check_robust_train_error(evidence: RepresentationEvidence, failure_probability: float) -> CheckedPair:
    """Certify every ball of every memorizer; replayed witnesses bound the error from below.

    Beside the certificate, and without it, the padded net's layers are evaluated at a random end of each ball.
    """
    low = high = 0.0
    notes: list[tuple[str, float]] = []
    balls = 0
    for index, entry in enumerate(evidence.memorizers):
        built = entry.built
        proof = certify(built.circuit, built.data, built.perturbation_radius, built.norm_order, max_witnesses=3)
        total = built.data.num_samples
        balls += total
        hit = _errors_at_ends(entry.built, derived_seed(evidence.seed, "theorem_2.ends", index))
        low = max(low, len(proof.witnesses) / total, hit.wrong / total)
        high = max(high, len(proof.uncertified) / total, hit.wrong / total)
        notes.append((f"{entry.name}: wrong at ball ends of {hit.evaluated}, by layers", float(hit.wrong)))
        notes.append((f"{entry.name}: certified balls of {total}", float(total - len(proof.uncertified))))
        if proof.uncertified:
            notes.append((f"{entry.name}: first uncertified ball", float(proof.uncertified[0])))
        if proof.witnesses:
            found = proof.witnesses[0]
            notes.append((f"{entry.name}: output at a witness in ball {found.ball}", float(found.output)))
        if built.clean_wrong_on:
            notes.append((f"{entry.name}: clean classifier wrong on", float(len(built.clean_wrong_on))))
        if entry.attack is not None:
            notes.append((f"{entry.name}: PGD errors on {entry.attack.balls}", float(entry.attack.errors)))
    if not balls:
        return CheckedPair(_ZERO, Measurement.failed("no memorizer was built", Evidence.INTERVAL))
    interval = Interval(low, high)
    measured = Measurement(high, interval, 1.0, balls, Evidence.INTERVAL, notes=tuple(notes))
    return CheckedPair(Prediction(Interval.at_most(0.0)), measured)


@dataclass(frozen=True)
class _EndErrors:
    """Balls of which one end was evaluated, and how many of these came out wrong."""

    evaluated: int
    wrong: int


def _errors_at_ends(built: Memorizer, seed: int) -> _EndErrors:
    """Evaluate the weights of the padded net, layer by layer in plain numpy, at one random end of each ball.

    An end is a vertex of the cube (p = inf), the tip of an axis (p = 1) or a point of the sphere (p = 2), pulled
    in by 2^-40 so that rounding leaves it inside. Not above 0 is wrong, so NaN is. The correct margin is 1, far
    above the rounding of the evaluation. At most as many balls, evenly spread, as make 2^28 values in a layer.
    """
    data, radius = built.data, built.perturbation_radius * (1.0 - 2.0**-40)
    net = pad_to_layers(built.circuit)
    most = max(8, 16 * _VALUES_AT_ONCE // max(net.widths))
    chosen = np.unique(np.linspace(0, data.num_samples - 1, min(most, data.num_samples)).astype(np.int64))
    rng = np.random.default_rng(seed)
    shape = (chosen.size, data.input_dimension)
    if built.norm_order == math.inf:
        offsets = rng.choice((-1.0, 1.0), size=shape)
    elif built.norm_order == 1.0:
        offsets = np.zeros(shape)
        tips = rng.integers(data.input_dimension, size=chosen.size)
        offsets[np.arange(chosen.size), tips] = rng.choice((-1.0, 1.0), size=chosen.size)
    else:
        offsets = rng.standard_normal(shape)
        offsets /= np.linalg.norm(offsets, axis=1, keepdims=True)
    points = data.points[chosen] + radius * offsets
    rows = max(1, _VALUES_AT_ONCE // max(net.widths))
    values = np.concatenate([net.evaluate(points[at : at + rows]) for at in range(0, len(points), rows)])
    return _EndErrors(int(chosen.size), int(np.sum(~(data.labels[chosen] * values > 0.0))))


def check_clean_test_error(evidence: RepresentationEvidence, failure_probability: float) -> CheckedPair:
    """Clean errors on whole finite populations, signs decided by outward-rounded evaluation."""
    results = [_clean_difference(entry) for entry in evidence.comparisons]
    unmet = tuple(
        f"population of {entry.name} is not separated by 2δ"
        for entry in evidence.comparisons
        if not _population_is_separated(entry)
    )
    claimed = Prediction(Interval.at_most(0.0), unmet=unmet)
    if not results:
        return CheckedPair(claimed, Measurement.failed("no population was compared", Evidence.INTERVAL))
    interval = Interval(max(result.low for result in results), max(result.high for result in results))
    notes = tuple(
        (f"{entry.name}: difference", result.high)
        for entry, result in zip(evidence.comparisons, results, strict=True)
    )
    return CheckedPair(
        claimed, Measurement(interval.high, interval, 1.0, len(results), Evidence.INTERVAL, notes=notes)
    )


def _population_is_separated(entry: CleanComparison) -> bool:
    data = entry.built.data
    points = np.vstack([data.points, entry.population.points])
    labels = np.concatenate([data.labels, entry.population.labels])
    closest = separation(training_set(points, labels), entry.built.norm_order).distance
    return 2.0 * entry.built.perturbation_radius < closest


def _clean_difference(entry: CleanComparison) -> Interval:
    points, labels = entry.population.points, entry.population.labels
    errors = []
    for circuit in (entry.built.circuit, entry.built.clean):
        bounds = circuit.at_points(points)
        surely_wrong = np.where(labels > 0, bounds.high <= 0.0, bounds.low >= 0.0)
        surely_right = np.where(labels > 0, bounds.low > 0.0, bounds.high < 0.0)
        errors.append((int(surely_wrong.sum()), int(labels.size - surely_right.sum())))
    (low, high), (clean_low, clean_high) = errors
    return Interval((low - clean_high) / labels.size, (high - clean_low) / labels.size)


def check_robust_test_error(evidence: RepresentationEvidence, failure_probability: float) -> CheckedPair:
    """Exact expectations against (1 - 1/K)^N; sampled ones beyond enumeration must not contradict it."""
    gaps: list[Fraction] = []
    for entry in evidence.exact_errors:
        corners = 2 ** (entry.input_dimension - 1)
        gap = entry.expectation - (1 - Fraction(1, corners)) ** entry.num_samples
        gaps += [gap, entry.mismatch]
    if not gaps:
        return CheckedPair(_ZERO, Measurement.failed("no network was enumerated", Evidence.EXACT))
    notes = _continuous_notes(evidence)
    for sampled in evidence.sampled_errors:
        share = failure_probability / len(evidence.sampled_errors)
        low = clopper_pearson(sampled.broken, sampled.trials, share).low
        high = clopper_pearson(sampled.trials - sampled.robust, sampled.trials, share).high
        claimed = prediction.robust_test_error(sampled.num_samples, sampled.input_dimension)
        name = f"D={sampled.input_dimension}, N={sampled.num_samples}"
        notes += [(f"{name}: predicted", claimed.low), (f"{name}: sampled low", low), (f"{name}: high", high)]
        if claimed.is_disjoint_from(Interval(low, high)):
            gap_interval = Interval(low - claimed.high, high - claimed.low)
            return CheckedPair(
                _ZERO,
                Measurement(
                    gap_interval.low,
                    gap_interval,
                    1.0 - failure_probability,
                    sampled.trials,
                    Evidence.STATISTICAL,
                    notes=tuple(notes),
                ),
            )
    worst = max(gaps, key=abs)
    value = float(worst)
    interval = Interval.point(0.0) if worst == 0 else Interval.point(value or math.copysign(5e-324, worst))
    networks = sum(entry.networks for entry in evidence.exact_errors)
    return CheckedPair(_ZERO, Measurement(value, interval, 1.0, networks, Evidence.EXACT, notes=tuple(notes)))


def _continuous_notes(evidence: RepresentationEvidence) -> list[tuple[str, float]]:
    """How the continuous example's error moves: what the attack found at the smallest and the largest N."""
    notes: list[tuple[str, float]] = []
    sizes = [entry.num_samples for entry in evidence.continuous_errors]
    for entry in evidence.continuous_errors:
        if entry.num_samples in (min(sizes), max(sizes)):
            name = f"continuous, p={entry.norm_order:g}, δ={entry.perturbation_radius:g}, N={entry.num_samples}"
            notes.append((f"{name}: attack found", entry.broken / entry.trials))
            notes.append((f"{name}: not proved robust", 1.0 - entry.robust / entry.trials))
    return notes
