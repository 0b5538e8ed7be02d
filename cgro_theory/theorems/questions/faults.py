"""Deliberately wrong versions of the claims: each is evidence that a wrong statement would have to explain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cgro_theory.theorems.questions.evidence import QuestionsEvidence
from cgro_theory.theorems.questions.prediction import FLOW_SLACK
from cgro_theory.theorems.room import PlantedFault


def _every_start(evidence: QuestionsEvidence) -> QuestionsEvidence:
    return replace(
        evidence, attacks=tuple(replace(e, initial_signal=abs(e.initial_signal)) for e in evidence.attacks)
    )


def _another_training(evidence: QuestionsEvidence) -> QuestionsEvidence:
    return replace(evidence, attacks=tuple(replace(e, difference=10.0 * FLOW_SLACK) for e in evidence.attacks))


def _span_only(evidence: QuestionsEvidence) -> QuestionsEvidence:
    return replace(evidence, attacks=tuple(replace(e, l2_wrong=e.span_wrong) for e in evidence.attacks))


def _exchanged_weights(evidence: QuestionsEvidence) -> QuestionsEvidence:
    swapped = {0.0: 0.9}
    controls = tuple(
        replace(run, adversarial_weight=swapped.get(run.adversarial_weight, 0.0)) for run in evidence.controls
    )
    return replace(evidence, controls=controls)


def _one_dimension_more(evidence: QuestionsEvidence) -> QuestionsEvidence:
    corners = tuple(replace(entry, input_dimension=entry.input_dimension + 1) for entry in evidence.corners)
    return replace(evidence, corners=corners)


def _one_sample_more(evidence: QuestionsEvidence) -> QuestionsEvidence:
    corners = tuple(replace(entry, num_samples=entry.num_samples + 1) for entry in evidence.corners)
    return replace(evidence, corners=corners)


def _robust_first(evidence: QuestionsEvidence) -> QuestionsEvidence:
    images = tuple(
        replace(run, clean_test=run.robust_train, robust_train=run.clean_test) for run in evidence.images
    )
    return replace(evidence, images=images)


def _opposite_sign(evidence: QuestionsEvidence) -> QuestionsEvidence:
    weights = tuple(
        replace(cell, clean_wrong=cell.test_points - cell.clean_wrong)
        if cell.setting.adversarial_weight == 1.0
        else cell
        for cell in evidence.weights
    )
    return replace(evidence, weights=weights)


_STEEPER = PlantedFault(
    "exponent", "the prediction is told d^(a + 0.1) for the signal", lambda e: replace(e, told_exponent=0.1)
)

FAULTS: Mapping[str, tuple[PlantedFault, ...]] = {
    "questions.current_iterate": (
        PlantedFault("every start", "the equality is claimed for draws that start with U < 0 too", _every_start),
        PlantedFault("another training", "the two trainings differ by ten integrator errors", _another_training),
    ),
    "questions.attack_off_the_signal": (
        PlantedFault("span", "the attack stays within the signal's span", _span_only),
        PlantedFault(
            "weak attack", "the radius reaches half of the signal only", lambda e: replace(e, told_exponent=-0.2)
        ),
    ),
    "questions.activation_degree": (_STEEPER,),
    "questions.exponent_plane": (
        PlantedFault(
            "line moved",
            "the signal is told to be d^-0.3 times as strong",
            lambda e: replace(e, told_exponent=-0.3),
        ),
    ),
    "questions.three_phases": (
        PlantedFault(
            "smaller κ", "κ is told to be 30 times smaller", lambda e: replace(e, told_fraction=1.0 / 30.0)
        ),
        PlantedFault("larger κ", "κ is told to be 30 times larger", lambda e: replace(e, told_fraction=30.0)),
    ),
    "questions.clean_weight": (
        PlantedFault("opposite sign", "networks with λ = 1 are right where U(0) < 0", _opposite_sign),
    ),
    "questions.standard_control": (
        PlantedFault("exchanged", "the two trainings are exchanged", _exchanged_weights),
    ),
    "questions.fresh_sample": (
        PlantedFault("half the attack", "the law is told half of κ", lambda e: replace(e, told_fraction=0.5)),
    ),
    "questions.memorizer_corners": (
        PlantedFault("corners", "K = 2^D instead of 2^(D-1)", _one_dimension_more),
        PlantedFault("sample", "one sample too many", _one_sample_more),
    ),
    "questions.memorizer_cube": (
        PlantedFault("radius", "the bound is told a tenth of δ", lambda e: replace(e, told_radius=0.1)),
    ),
    "questions.dimension": (
        PlantedFault("degree", "the exponent is that of q + 1", lambda e: replace(e, told_degree=1)),
    ),
    "questions.image_stages": (PlantedFault("exchanged", "the two accuracies are exchanged", _robust_first),),
}
