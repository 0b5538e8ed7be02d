"""Checks of questions 2 and 9: slopes over ladders of d, each ladder's decided by its own draws."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.questions.claims.counting import broken, draw_of, replicates, told
from cgro_theory.theorems.questions.runs.made import QuestionsEvidence
from cgro_theory.theorems.questions.theory.predictions import predict_separation
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.claims.slopes import Compared, nearest_slope
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import (
    deviation,
    predict_noise_over_signal,
)

LARGEST_SHARE_LEFT_OUT = 0.05
"""Share of ladders with a draw that misses an assumption above which nothing is decided."""
_BIGGEST = sys.float_info.max

SAME_RUN = 1e-4
"""Integrations of one draw at two tolerances agree better than this, relative."""


@lru_cache(maxsize=4096)
def _separation(setting: PatchSetting, seed: int) -> Prediction:
    return predict_separation(setting, draw_of(setting, seed))  # the draw does not depend on α


@lru_cache(maxsize=4096)
def _noise_ratio(setting: PatchSetting, draw_setting: PatchSetting, seed: int, end: float) -> Prediction:
    return predict_noise_over_signal(setting, draw_of(draw_setting, seed), end, deviation)


def separations(evidence: QuestionsEvidence, degree: int) -> list[Compared]:
    """Predicted and measured T_III/T_I of the networks of one degree; the ladder's number stands for its seed.

    The measured interval is that of the finest integration, with the measured error of the integrator. A network
    that does not learn or memorize has no ratio: inf; where the usual integration is another run, both count.
    """
    fine = {(entry.setting, entry.seed): entry for entry in evidence.fine}
    entries = []
    for number, cell in replicates(evidence.degrees):
        if cell.setting.degree == degree:
            predicted = _separation(told(cell.setting, evidence), cell.seed)
            usual = cell.first_memorization / cell.signal_time if cell.signal_time > 0 else math.inf
            finest = fine.get((cell.setting, cell.seed))
            reached = finest is not None and math.isfinite(usual) and usual > 0 and math.isfinite(finest.error)
            measured = Interval.point(math.inf)
            if finest is not None and reached:
                same = abs(usual / finest.ratio - 1.0) < SAME_RUN
                apart = Interval(min(usual, finest.ratio), max(usual, finest.ratio))
                measured = Interval.point(finest.ratio).widened(finest.error) if same else apart
            entries.append(Compared(predicted, measured, float(cell.setting.patch_dimension), number))
    return entries


def check_activation_degree(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """The slopes of all degrees and ladders; the one nearest to leaving its interval decides."""
    failed = broken(evidence.degrees, Prediction(None))
    if failed is not None:
        return failed
    measured_finely = {(entry.setting, entry.seed) for entry in evidence.fine}
    if not measured_finely >= {(cell.setting, cell.seed) for cell in evidence.degrees}:
        return CheckedPair(Prediction(None), Measurement.failed("the integrator's error was not measured"))
    degrees = sorted({cell.setting.degree for cell in evidence.degrees})
    ladders = [separations(evidence, degree) for degree in degrees]
    pair = worst_slope(ladders, [cell.seed for cell in evidence.degrees], failure_probability)
    slopes = tuple(
        (f"slope at q = {degree}", nearest_slope(kept, failure_probability).measurement.estimate)
        for degree, ladder in zip(degrees, ladders, strict=True)
        if (kept := _within_assumptions(ladder)) and not _unreached(kept)
    )
    return replace(pair, measurement=replace(pair.measurement, notes=(*slopes, *pair.measurement.notes)))


def check_dimension(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """Each ladder's slope of log std V/z in log d, for the cubic networks."""
    failed = broken(evidence.degrees, Prediction(None))
    if failed is not None:
        return failed
    seeds = [cell.seed for cell in evidence.degrees if cell.setting.degree == 3]
    return worst_slope([noise_ratios(evidence)], seeds, failure_probability)


def noise_ratios(evidence: QuestionsEvidence) -> list[Compared]:
    """Predicted and measured std V/z of the cubic networks over d; inf where the signal was not learned."""
    entries = []
    for number, cell in replicates(evidence.degrees):
        if cell.setting.degree == 3:
            setting = replace(cell.setting, degree=3 + evidence.told_degree)
            ratio = _noise_ratio(setting, cell.setting, cell.seed, cell.end)
            value = deviation(cell.law) / cell.signal_margin if cell.signal_margin > 0 else math.inf
            dimension = float(cell.setting.patch_dimension)
            entries.append(Compared(ratio, Interval.point(value), dimension, number))
    return entries


def worst_slope(
    groups: Sequence[Sequence[Compared]], seeds: Sequence[int], failure_probability: float
) -> CheckedPair:
    """The slope, over all groups of ladders, that is nearest to leaving its interval or farthest outside.

    A ladder with a draw that misses an assumption is left out, up to LARGEST_SHARE_LEFT_OUT of them. One network
    without a value refutes: no slope goes through infinity.
    """
    total = sum(len({entry.seed for entry in group}) for group in groups)
    kept = [_within_assumptions(group) for group in groups]
    left = total - sum(len({entry.seed for entry in group}) for group in kept)
    note = ("ladders left out", float(left))
    if left > LARGEST_SHARE_LEFT_OUT * total:
        why = f"{left} of {total} ladders miss an assumption, more than {LARGEST_SHARE_LEFT_OUT:.0%}"
        return CheckedPair(Prediction(None), Measurement.failed(why))
    unreached = sum(_unreached(group) for group in kept)
    if unreached:
        measured = Measurement(
            estimate=math.inf,
            interval=Interval.point(math.inf),
            confidence=1.0 - failure_probability,
            runs=total,
            evidence=Kind.STATISTICAL,
            seeds=tuple(seeds),
            notes=(("networks that never learn or memorize", float(unreached)), note),
        )
        return CheckedPair(Prediction(Interval(-_BIGGEST, _BIGGEST)), measured)
    pairs = [nearest_slope(group, failure_probability) for group in kept if group]
    worst = max(pairs, key=_position)
    notes = (*(entry for entry in worst.measurement.notes if entry[0] != "left out"), note)
    return replace(
        worst, measurement=replace(worst.measurement, runs=total - left, seeds=tuple(seeds), notes=notes)
    )


def _within_assumptions(group: Sequence[Compared]) -> list[Compared]:
    """The entries of the ladders none of whose draws misses an assumption."""
    missed = {entry.seed for entry in group if entry.predicted.unmet}
    return [entry for entry in group if entry.seed not in missed]


def _unreached(group: Sequence[Compared]) -> int:
    return sum(not math.isfinite(entry.measured.high) for entry in group)


def _position(pair: CheckedPair) -> float:
    """0 with the measured interval at the centre of the predicted one, above 1 when it sticks out."""
    inside, found = pair.prediction.interval, pair.measurement.interval
    if inside is None or found is None or not math.isfinite(found.width):
        return math.inf
    centre, half = (inside.low + inside.high) / 2, inside.width / 2
    return max(abs(found.low - centre), abs(found.high - centre)) / half if half > 0 else math.inf
