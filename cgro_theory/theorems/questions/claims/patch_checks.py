"""Checks of the questions on patch data, each on trained networks that no prediction has seen."""

from __future__ import annotations

from dataclasses import replace

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import clopper_pearson, empirical_bernstein, student_mean
from cgro_theory.theorems.questions.claims.counting import NONE, broken, count, draw_of, told
from cgro_theory.theorems.questions.claims.phase_enclosures import predicted_phase
from cgro_theory.theorems.questions.runs.made import QuestionsEvidence
from cgro_theory.theorems.questions.theory.predictions import (
    memorizes_noise,
    predict_wrong_everywhere,
    signal_comes_first,
)
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Phase

WIDEST_GAP = 0.25
"""Robust generalization gap that standard training may show: half of that of full robust overfitting."""
RIGHT, WRONG = 0.05, 0.95
"""Clean test errors below and above which a network is right or wrong everywhere."""


def check_exponent_plane(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """Networks whose stages come in another order, or that memorize when they should not, or the reverse."""
    failed = broken(evidence.exponent_map, NONE)
    if failed is not None:
        return failed
    disagreeing = judged = 0
    for cell in evidence.exponent_map:
        setting, draw = told(cell.setting, evidence), draw_of(cell.setting, cell.seed)
        first, memorizes = signal_comes_first(setting, draw), memorizes_noise(setting, draw)
        if first is None or memorizes is None:
            continue
        judged += 1
        # Noise that comes first is memorized whatever κ is.
        expected = (first, memorizes or not first)
        disagreeing += expected != (cell.signal_time < cell.first_memorization, cell.memorized > 0)
    seeds = [cell.seed for cell in evidence.exponent_map]
    left = float(len(evidence.exponent_map) - judged)
    return count(disagreeing, judged, seeds, failure_probability, (("networks too near to a boundary", left),))


def check_three_phases(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """Networks clear of both boundaries that are in another phase; agreement needs every phase judged."""
    cells = evidence.phase_map
    failed = broken(cells, NONE)
    if failed is not None:
        return failed
    expected = [predicted_phase(c, c.setting.attacked_signal_fraction * evidence.told_fraction) for c in cells]
    disagreeing = sum(e is not None and e is not c.phase for e, c in zip(expected, cells, strict=True))
    found = {
        phase: sum(e is phase for e in expected) for phase in (Phase.OVERFITS, Phase.ROBUST, Phase.UNMEMORIZED)
    }
    notes = (*((f"predicted: {phase.value}", float(number)) for phase, number in found.items()),)
    judged = sum(found.values())
    if disagreeing == 0 and min(found.values()) == 0:
        return CheckedPair(NONE, Measurement.failed("no network is clear of both boundaries in one of the phases"))
    return count(disagreeing, judged, [cell.seed for cell in cells], failure_probability, notes)


def check_clean_weight(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """Networks that are neither right nor wrong everywhere, or the other of the two than their draw predicts."""
    failed = broken(evidence.weights, NONE)
    if failed is not None:
        return failed
    disagreeing = judged = late = 0
    for cell in evidence.weights:
        setting, draw = told(cell.setting, evidence), draw_of(cell.setting, cell.seed)
        draw = replace(draw, signal_projections=evidence.told_sign * draw.signal_projections)
        wrong = predict_wrong_everywhere(setting, draw)
        if wrong is None:
            continue
        judged += 1
        late += not signal_comes_first(setting, draw)
        error = cell.clean_wrong / cell.test_points
        disagreeing += not (error > WRONG if wrong else error < RIGHT)
    notes = (
        ("networks too near to call", float(len(evidence.weights) - judged)),
        ("networks judged by the sign of U", float(late)),
    )
    return count(disagreeing, judged, [cell.seed for cell in evidence.weights], failure_probability, notes)


def check_standard_control(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """Student's interval of the mean robust generalization gap of the networks with λ = 0."""
    predicted = Prediction(Interval(-WIDEST_GAP, WIDEST_GAP), leading_order=0.0)
    chosen = [run for run in evidence.controls if run.adversarial_weight == 0.0]
    failure = next((run.failure for run in chosen if run.failure), "")
    if failure or len(chosen) < 2:
        return CheckedPair(predicted, Measurement.failed(failure or "the control was not trained"))
    gaps = [run.robust_gap for run in chosen]
    ends = student_mean(gaps, failure_probability)
    measurement = Measurement(
        estimate=sum(gaps) / len(gaps),
        interval=Interval(max(-1.0, ends.low), min(1.0, ends.high)),
        confidence=1.0 - failure_probability,
        runs=len(chosen),
        evidence=Kind.STATISTICAL,
        seeds=tuple(run.seed for run in chosen),
        notes=(("memorized points, all networks", float(sum(run.memorized for run in chosen))),),
    )
    return CheckedPair(predicted, measurement)


def check_fresh_sample(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """Counted errors against the exact law, network by network and attack by attack; some of them in R^d."""
    entries = evidence.fresh
    failed = broken(entries, NONE)
    if failed is not None:
        return failed
    if not any(entry.held_in_full for entry in entries):
        return CheckedPair(NONE, Measurement.failed("no network was held in full"))
    share = failure_probability / (2 * len(entries))
    disagreeing = between = full = 0
    for entry in entries:
        law = replace(entry.law, covariance=evidence.told_covariance * entry.law.covariance)
        errors = replace(entry, fraction=entry.fraction * evidence.told_fraction, law=law).law_errors()
        ends = empirical_bernstein(errors, share)
        counted = clopper_pearson(entry.wrong, entry.test_points, share)
        disagreeing += counted.high < ends.low or ends.high < counted.low
        inside = 0.02 < float(errors.mean()) < 0.48
        between += inside
        full += inside and entry.held_in_full
    notes = (
        ("with an error between 0.02 and 0.48", float(between)),
        ("of these counted on weights held in full", float(full)),
    )
    return count(disagreeing, len(entries), [entry.seed for entry in entries], failure_probability, notes)
