"""Checks of the questions on patch data, each on trained networks that no prediction has seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import clopper_pearson, empirical_bernstein, student_mean
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.questions.counting import NONE, broken, count, draw_of, told
from cgro_theory.theorems.questions.evidence import AttackComparison, QuestionsEvidence
from cgro_theory.theorems.questions.phase_enclosures import predicted_phase
from cgro_theory.theorems.questions.prediction import (
    FLOW_SLACK,
    carries_patch,
    memorizes_noise,
    predict_separation,
    predict_wrong_everywhere,
    signal_comes_first,
)
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.boundary_prediction import (
    BoundaryPrediction,
    deviation,
    predict_noise_over_signal,
)
from cgro_theory.theorems.theorem_1_feature_learning.phases import Phase
from cgro_theory.theorems.theorem_1_feature_learning.slopes import Compared, nearest_slope

DEFEATED = 0.9
"""Robust test error that the attack on all patches must exceed; the argument says 1 but for long noise patches."""
WIDEST_GAP = 0.25
"""Robust generalization gap that standard training may show: half of that of full robust overfitting."""
RIGHT, WRONG = 0.05, 0.95
"""Clean test errors below and above which a network is right or wrong everywhere."""


def check_current_iterate(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """The largest difference of the two trainings over the draws that start with U > 0."""
    kept = [entry for entry in evidence.attacks if entry.initial_signal > 0]
    predicted = Prediction(Interval(0.0, FLOW_SLACK))
    if evidence.attacks and not kept:
        return CheckedPair(
            Prediction(None, unmet=("some draw starts with U > 0",)), Measurement.failed("none does")
        )
    failed = broken(kept, predicted)
    if failed is not None:
        return failed
    worst = max(entry.difference for entry in kept)
    return CheckedPair(predicted, replace(_one(worst, kept, failure_probability), runs=len(kept)))


def _one(value: float, entries: Sequence[AttackComparison], failure_probability: float) -> Measurement:
    return Measurement(
        estimate=value,
        interval=Interval.point(value),
        confidence=1.0 - failure_probability,
        runs=len(entries),
        evidence=Kind.STATISTICAL,
        seeds=tuple(entry.seed for entry in entries),
    )


def check_attack_off_the_signal(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """All networks' Clopper-Pearson intervals of the robust test error under the attack on all patches."""
    entries = evidence.attacks
    failed = broken(entries, Prediction(Interval(DEFEATED, 1.0)))
    if failed is not None:
        return failed
    if not all(carries_patch(told(entry.setting, evidence), entry.end) for entry in entries):
        unmet = "the radius pays for a scaled training patch in place of a noise patch"
        return CheckedPair(Prediction(None, unmet=(unmet,)), Measurement.failed("out of reach of the argument"))
    share = failure_probability / len(entries)
    ends = [clopper_pearson(entry.l2_wrong, entry.test_points, share) for entry in entries]
    rates = [entry.l2_wrong / entry.test_points for entry in entries]
    measurement = Measurement(
        estimate=min(rates),
        interval=Interval(min(end.low for end in ends), max(end.high for end in ends)),
        confidence=1.0 - failure_probability,
        runs=len(entries),
        evidence=Kind.STATISTICAL,
        seeds=tuple(entry.seed for entry in entries),
        notes=(("largest error within the signal's span", max(e.span_wrong / e.test_points for e in entries)),),
    )
    return CheckedPair(Prediction(Interval(DEFEATED, 1.0), leading_order=1.0), measurement)


@lru_cache(maxsize=4096)
def _separation(setting: PatchSetting, seed: int) -> BoundaryPrediction:
    return predict_separation(setting, draw_of(setting, seed))  # the draw does not depend on α


@lru_cache(maxsize=4096)
def _noise_ratio(setting: PatchSetting, draw_setting: PatchSetting, seed: int, end: float) -> BoundaryPrediction:
    return predict_noise_over_signal(setting, draw_of(draw_setting, seed), end, deviation)


def separations(evidence: QuestionsEvidence, degree: int) -> list[Compared]:
    """Predicted and measured T_III/T_I of the networks of one degree."""
    entries = []
    for cell in evidence.degrees:
        if cell.setting.degree == degree:
            predicted = _separation(told(cell.setting, evidence), cell.seed)
            ratio = cell.first_memorization / cell.signal_time if cell.signal_time > 0 else math.inf
            ratio = ratio if math.isfinite(ratio) else math.inf
            dimension = float(cell.setting.patch_dimension)
            entries.append(Compared(predicted, Interval.point(ratio), dimension, cell.seed))
    return entries


def check_activation_degree(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """The slopes of all degrees and seeds; the one nearest to leaving its interval decides."""
    failed = broken(evidence.degrees, Prediction(None))
    if failed is not None:
        return failed
    degrees = sorted({cell.setting.degree for cell in evidence.degrees})
    pairs = [nearest_slope(separations(evidence, degree), failure_probability) for degree in degrees]
    notes = tuple(
        (f"slope at q = {degree}", pair.measurement.estimate) for degree, pair in zip(degrees, pairs, strict=True)
    )
    worst = max(pairs, key=_position)
    total = sum(pair.measurement.runs for pair in pairs)
    return replace(worst, measurement=replace(worst.measurement, notes=notes, runs=total))


def _position(pair: CheckedPair) -> float:
    inside, value = pair.prediction.interval, pair.measurement.estimate
    if inside is None or not math.isfinite(value):
        return math.inf
    half = inside.width / 2
    return abs(value - (inside.low + inside.high) / 2) / half if half > 0 else math.inf


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
    """Networks clear of both boundaries that are in another phase; every phase must be judged somewhere."""
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
    return count(disagreeing, judged, [cell.seed for cell in cells], failure_probability, notes)


def check_clean_weight(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """Networks that are neither right nor wrong everywhere, or the other of the two than their draw predicts."""
    failed = broken(evidence.weights, NONE)
    if failed is not None:
        return failed
    disagreeing = judged = late = 0
    for cell in evidence.weights:
        setting, draw = told(cell.setting, evidence), draw_of(cell.setting, cell.seed)
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
    """Counted errors against the exact law, network by network and attack by attack."""
    entries = evidence.fresh
    failed = broken(entries, NONE)
    if failed is not None:
        return failed
    share = failure_probability / (2 * len(entries))
    disagreeing = between = 0
    for entry in entries:
        errors = replace(entry, fraction=entry.fraction * evidence.told_fraction).law_errors()
        law = empirical_bernstein(errors, share)
        counted = clopper_pearson(entry.wrong, entry.test_points, share)
        disagreeing += counted.high < law.low or law.high < counted.low
        between += 0.02 < float(errors.mean()) < 0.48
    notes = (("with an error between 0.02 and 0.48", float(between)),)
    return count(disagreeing, len(entries), [entry.seed for entry in entries], failure_probability, notes)


def check_dimension(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """Each seed's slope of log std V/z in log d, for the cubic networks."""
    failed = broken(evidence.degrees, Prediction(None))
    return failed if failed is not None else nearest_slope(noise_ratios(evidence), failure_probability)


def noise_ratios(evidence: QuestionsEvidence) -> list[Compared]:
    """Predicted and measured std V/z of the cubic networks over d."""
    entries = []
    for cell in evidence.degrees:
        if cell.setting.degree == 3:
            setting = replace(cell.setting, degree=3 + evidence.told_degree)
            ratio = _noise_ratio(setting, cell.setting, cell.seed, cell.end)
            value = deviation(cell.law) / cell.signal_margin if cell.signal_margin > 0 else math.inf
            dimension = float(cell.setting.patch_dimension)
            entries.append(Compared(ratio, Interval.point(value), dimension, cell.seed))
    return entries
