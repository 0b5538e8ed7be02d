"""Planted faults of theorem 1: each makes one claim wrong, and its own check must say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.room import PlantedFault
from cgro_theory.theorems.theorem_1_feature_learning.draws import first_memorization
from cgro_theory.theorems.theorem_1_feature_learning.evidence import RunGroup, TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.identity import RecursionVariant
from cgro_theory.theorems.theorem_1_feature_learning.phase_faults import PHASE_FAULTS
from cgro_theory.theorems.theorem_1_feature_learning.test_points import MeasuredErrors
from cgro_theory.trainer.trajectories import Trajectories


def _assume(**changed: Callable[[PatchSetting], float]) -> Callable[[TrainedEvidence], TrainedEvidence]:
    """Predictions are told a changed parameter; the runs stay as they are."""

    def told(group: RunGroup) -> RunGroup:
        values: dict[str, Any] = {name: function(group.assumed) for name, function in changed.items()}
        return replace(group, assumed=replace(group.assumed, **values))

    return lambda evidence: replace(evidence, main=tuple(map(told, evidence.main)))


def _recount(groups: str, **changed: Callable[[MeasuredErrors], Any]) -> Callable[[Any], Any]:
    """The counted errors are changed as if the networks were others."""

    def recounted(group: RunGroup) -> RunGroup:
        values = {name: function(group.errors) for name, function in changed.items()}
        return replace(group, errors=replace(group.errors, **values))

    def change(evidence: TrainedEvidence) -> TrainedEvidence:
        fields: dict[str, Any] = {groups: tuple(map(recounted, getattr(evidence, groups)))}
        return replace(evidence, **fields)

    return change


def _edit(change: Callable[[Trajectories], Trajectories]) -> Callable[[TrainedEvidence], TrainedEvidence]:
    """The main trajectories are changed."""
    return lambda evidence: replace(
        evidence,
        main=tuple(replace(group, trajectories=change(group.trajectories)) for group in evidence.main),
    )


def _shift_exponent(name: str, by: float) -> Callable[[TrainedEvidence], TrainedEvidence]:
    """Predictions are told a parameter with its exponent in d shifted."""
    return _assume(**{name: lambda setting: getattr(setting, name) * float(setting.patch_dimension) ** by})


def _keep_attacked_signal(trajectories: Trajectories) -> Trajectories:
    """As if the signal grew like 1/κ^q: then its attacked part would not vanish."""
    growth = float(trajectories.setting.patch_dimension) ** 0.5
    return replace(trajectories, final_signal=trajectories.final_signal * growth)


def _judge_standard_runs(evidence: TrainedEvidence) -> TrainedEvidence:
    """The claims about adversarial training are judged on runs with λ = 0, and told nothing of it."""
    pairs = zip(evidence.standard, evidence.main, strict=True)
    return replace(evidence, main=tuple(replace(other, assumed=group.assumed) for other, group in pairs))


def _swap_stages(trajectories: Trajectories) -> Trajectories:
    return replace(
        trajectories,
        signal_time=first_memorization(trajectories),
        memorization_times=np.repeat(trajectories.signal_time[:, None], trajectories.labels.shape[1], axis=1),
    )


def _raise_noise_exponent(trajectories: Trajectories) -> Trajectories:
    factor = float(trajectories.setting.patch_dimension) ** 0.1
    return replace(trajectories, noise_gram=trajectories.noise_gram * factor)


_FLIP = "the network's sign is flipped"

FAULTS: Mapping[str, tuple[PlantedFault, ...]] = {
    "theorem_1.gradient_identity": (
        PlantedFault(
            "slope_factor",
            "q - 1 in place of q in φ_q'",
            lambda evidence: replace(evidence, variant=RecursionVariant(slope_factor_offset=-1)),
        ),
        PlantedFault(
            "labels_dropped",
            "y_k missing from the noise recursion",
            lambda evidence: replace(evidence, variant=RecursionVariant(noise_labels=False)),
        ),
        PlantedFault(
            "attacked_gain",
            "(κα)^(q+1) in place of (κα)^q",
            lambda evidence: replace(evidence, variant=RecursionVariant(attacked_gain_power_offset=1)),
        ),
    ),
    "theorem_1.signal_time": (
        PlantedFault(
            "exponent_off",
            "α^(q-0.1) in place of α^q in the gain",
            _assume(signal_strength=lambda s: s.signal_strength ** ((s.degree - 0.1) / s.degree)),
        ),
        PlantedFault(
            "weights_swapped",
            "λ and 1 - λ swapped",
            _assume(adversarial_weight=lambda s: 1 - s.adversarial_weight),
        ),
    ),
    "theorem_1.signal_plateau": (
        PlantedFault(
            "constant_halved",
            "half of 1 - λ",
            _assume(adversarial_weight=lambda s: 1 - (1 - s.adversarial_weight) / 2),
        ),
    ),
    "theorem_1.first_memorization_time": (
        PlantedFault(
            "constant_halved", "half of λ", _assume(adversarial_weight=lambda s: s.adversarial_weight / 2)
        ),
        PlantedFault("exponent_off", "‖ξ‖² of order σ² d^1.1 in place of σ² d", _edit(_raise_noise_exponent)),
    ),
    "theorem_1.stage_order": (
        PlantedFault("stages_swapped", "signal and memorization times exchanged", _edit(_swap_stages)),
    ),
    "theorem_1.noise_memorization": (
        PlantedFault(
            "standard_runs",
            "the claim is judged on runs with λ = 0",
            _judge_standard_runs,
        ),
    ),
    "theorem_1.clean_train_error": (
        PlantedFault(
            "sign_flipped", _FLIP, _recount("main", clean_train=lambda e: e.train_points - e.clean_train)
        ),
    ),
    "theorem_1.robust_train_error": (
        PlantedFault(
            "standard_runs",
            "the claim is judged on runs with λ = 0",
            _judge_standard_runs,
        ),
    ),
    "theorem_1.clean_test_error": (
        PlantedFault("sign_flipped", _FLIP, _recount("main", clean_test=lambda e: e.test_points - e.clean_test)),
    ),
    "theorem_1.robust_test_error": (
        PlantedFault("attack_dropped", "κ = 1 in the law", _assume(attacked_signal_fraction=lambda s: 1.0)),
        PlantedFault(
            "attack_not_run",
            "clean points in place of attacked ones",
            _recount("main", robust_test=lambda e: e.clean_test),
        ),
    ),
    "theorem_1.standard_signal": (
        PlantedFault(
            "adversarial_only",
            "the claim is judged on runs with λ = 1",
            lambda evidence: replace(evidence, standard=evidence.adversarial_only),
        ),
    ),
    "theorem_1.standard_noise": (
        PlantedFault(
            "adversarial_runs",
            "the claim is judged on runs with λ = 0.9",
            lambda evidence: replace(evidence, standard=evidence.main),
        ),
    ),
    "theorem_1.standard_training": (
        PlantedFault(
            "adversarial_runs",
            "the claim is judged on runs with λ = 0.9",
            lambda evidence: replace(evidence, standard=evidence.main),
        ),
    ),
    "theorem_1.adversarial_only_signal": (
        PlantedFault(
            "mixed_runs",
            "the claim is judged on runs with λ = 0.9",
            lambda evidence: replace(evidence, adversarial_only=evidence.main),
        ),
    ),
    "theorem_1.signal_time_exponent": (
        PlantedFault("exponent_off", "0.05 added to the exponent", _shift_exponent("signal_strength", -0.05 / 3)),
    ),
    "theorem_1.memorization_time_exponent": (
        PlantedFault("exponent_off", "0.05 added to the exponent", _shift_exponent("noise_std", -0.05 / 3)),
    ),
    "theorem_1.attacked_signal_vanishes": (
        PlantedFault("signal_unbounded", "a signal that grows by √d", _edit(_keep_attacked_signal)),
    ),
    "theorem_1.memorization_order": (
        PlantedFault(
            "shifts_tripled",
            "shifts three times too large",
            lambda evidence: replace(evidence, shift_scale=3.0),
        ),
    ),
    "theorem_1.clean_weight_needed": (
        PlantedFault(
            "mixed_runs",
            "the claim is judged on runs with λ = 0.9",
            lambda evidence: replace(evidence, adversarial_only=evidence.main),
        ),
        PlantedFault(
            "sign_flipped",
            _FLIP,
            _recount("adversarial_only", clean_test=lambda e: e.test_points - e.clean_test),
        ),
    ),
    "theorem_1.clean_error_limit": (
        PlantedFault("exponent_off", "1 added to the exponent", _shift_exponent("noise_std", 1.0 / 6.0)),
    ),
    "theorem_1.robust_error_limit": (
        PlantedFault("signal_unbounded", "a signal that grows by √d", _edit(_keep_attacked_signal)),
    ),
    **PHASE_FAULTS,
}
