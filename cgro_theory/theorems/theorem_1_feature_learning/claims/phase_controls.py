"""Planted faults of theorem 1's limits and phase boundaries: each makes one claim wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from cgro_theory.theorems.checked_claim import NegativeControl
from cgro_theory.theorems.theorem_1_feature_learning.runs.full_weights import tested
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import LocatedBoundary
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import DEFAULT_SAMPLES, TrainedEvidence

Change = Callable[[TrainedEvidence], TrainedEvidence]


def _tell(
    boundary: str, change: Callable[[LocatedBoundary], LocatedBoundary], *, only_last: bool = False
) -> Change:
    """Predictions of a boundary (or of one draw's at one size) are told something else; the brackets stay."""

    def changed(evidence: TrainedEvidence) -> TrainedEvidence:
        entries: tuple[LocatedBoundary, ...] = getattr(evidence.phases, boundary)
        first = len(entries) - 1 if only_last else 0
        located = entries[:first] + tuple(map(change, entries[first:]))
        if boundary == "overfitting":
            return replace(evidence, phases=replace(evidence.phases, overfitting=located))
        return replace(evidence, phases=replace(evidence.phases, memorization=located))

    return changed


def _noise_std_times(exponent: float) -> Callable[[LocatedBoundary], LocatedBoundary]:
    def change(entry: LocatedBoundary) -> LocatedBoundary:
        scale = float(entry.assumed.patch_dimension) ** exponent
        return replace(entry, assumed=replace(entry.assumed, noise_std=entry.assumed.noise_std * scale))

    return change


def _gram_times(factor: Callable[[LocatedBoundary], float]) -> Callable[[LocatedBoundary], LocatedBoundary]:
    return lambda entry: replace(entry, draw=replace(entry.draw, noise_gram=entry.draw.noise_gram * factor(entry)))


def negate_one_in_full(evidence: TrainedEvidence) -> TrainedEvidence:
    """The weights of one network are negated before its errors are counted; the law is told the real ones."""
    network = evidence.full[0]
    weights = torch.as_tensor(-network.weights)
    counted = tested(network.setting, network.seed, weights, network.memorized, network.test_points)
    return replace(evidence, full=(replace(counted, weights=network.weights), *evidence.full[1:]))


def _last_size(boundary: str, change: Callable[[LocatedBoundary], LocatedBoundary]) -> NegativeControl:
    return NegativeControl(
        "one_draw_told_otherwise",
        "one draw's prediction at one size is told the formula with that fault",
        _tell(boundary, change, only_last=True),
    )


PHASE_FAULTS: Mapping[str, tuple[NegativeControl, ...]] = {
    "theorem_1.robust_error_law": (
        NegativeControl(
            "fraction_off",
            "a fifth too much of the signal is left by the attack",
            lambda evidence: replace(evidence, phases=replace(evidence.phases, told_fraction_factor=1.2)),
        ),
        NegativeControl(
            "one_sign_flipped",
            "the weights of one network in full are negated before its errors are counted",
            negate_one_in_full,
        ),
    ),
    "theorem_1.overfitting_boundary": (
        NegativeControl(
            "scale_dropped",
            "a memorized point adds v in place of v/√d to a fresh point's preactivation",
            _tell("overfitting", _noise_std_times(0.5)),
        ),
        _last_size("overfitting", _noise_std_times(0.5)),
    ),
    "theorem_1.overfitting_boundary_exponent": (
        NegativeControl(
            "exponent_off", "0.15 added to the exponent", _tell("overfitting", _noise_std_times(0.15))
        ),
    ),
    "theorem_1.phase_boundary": (
        NegativeControl(
            "constant_off",
            "‖ξ‖² a fifth too large",
            _tell("memorization", _gram_times(lambda entry: 1.2)),
        ),
        _last_size("memorization", _gram_times(lambda entry: 1.2)),
    ),
    "theorem_1.phase_boundary_dimension_exponent": (
        NegativeControl(
            "exponent_off",
            "0.05 added to the exponent",
            _tell("memorization", _gram_times(lambda entry: float(entry.assumed.patch_dimension) ** 0.15)),
        ),
    ),
    "theorem_1.phase_boundary_sample_exponent": (
        NegativeControl(
            "samples_dropped",
            "the noise's clock without its factor 1/N",
            _tell("memorization", _gram_times(lambda entry: entry.assumed.num_samples / DEFAULT_SAMPLES)),
        ),
    ),
}
