"""Deliberately wrong versions of the claims: each is evidence that a wrong statement would have to explain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from cgro_theory.setting.adversary import Victim, span_attack
from cgro_theory.theorems.checked_claim import NegativeControl
from cgro_theory.theorems.questions.runs.dense_runs import AttackRule, retrained
from cgro_theory.theorems.questions.runs.made import QuestionsEvidence


def _retrained(rule: AttackRule) -> Callable[[QuestionsEvidence], QuestionsEvidence]:
    """One draw with U > 0 trained again, with ``rule`` in place of the engine's attack on the current iterate."""

    def change(evidence: QuestionsEvidence) -> QuestionsEvidence:
        runs = list(evidence.attack_rules)
        chosen = next(index for index, run in enumerate(runs) if run.initial_signal > 0)
        runs[chosen] = retrained(runs[chosen], rule)
        return replace(evidence, attack_rules=tuple(runs))

    return change


def _half_way(victim: Victim, weights: torch.Tensor, radius: float) -> torch.Tensor:
    return span_attack(victim, weights, 0.5 * radius)


def _other_way(victim: Victim, weights: torch.Tensor, radius: float) -> torch.Tensor:
    return span_attack(victim, -weights, radius)


def _judged_by(name: str) -> Callable[[QuestionsEvidence], QuestionsEvidence]:
    """The networks attacked in another way: the points that this attack broke are the ones that are judged."""
    return lambda evidence: replace(
        evidence, attacks=tuple(replace(run, l2_wrong=getattr(run, name)) for run in evidence.attacks)
    )


def _adversarial_instead(evidence: QuestionsEvidence) -> QuestionsEvidence:
    """The networks of the other training are judged as if they were trained without an attack."""
    others = tuple(
        replace(run, adversarial_weight=0.0) for run in evidence.controls if run.adversarial_weight > 0.0
    )
    return replace(evidence, controls=others)


_STEEPER = NegativeControl(
    "exponent", "the prediction is told d^(a + 0.1) for the signal", lambda e: replace(e, told_exponent=0.1)
)

FAULTS: Mapping[str, tuple[NegativeControl, ...]] = {
    "questions.current_iterate": (
        NegativeControl(
            "every start",
            "the equality is claimed for draws that start with U < 0 too",
            lambda e: replace(e, told_every_start=True),
        ),
        NegativeControl(
            "half way",
            "in one draw the attack on the current iterate uses half of its radius",
            _retrained(_half_way),
        ),
        NegativeControl(
            "other way", "in one draw the attack on the current iterate has the wrong sign", _retrained(_other_way)
        ),
    ),
    "questions.attack_off_the_signal": (
        NegativeControl("span", "the attack stays within the signal's span", _judged_by("span_wrong")),
        NegativeControl("weak attack", "the attack has a hundredth of the radius", _judged_by("weak_wrong")),
    ),
    "questions.activation_degree": (_STEEPER,),
    "questions.exponent_plane": (
        NegativeControl(
            "line moved",
            "the signal is told to be d^-0.3 times as strong",
            lambda e: replace(e, told_exponent=-0.3),
        ),
    ),
    "questions.three_phases": (
        NegativeControl(
            "smaller κ", "κ is told to be 30 times smaller", lambda e: replace(e, told_fraction=1.0 / 30.0)
        ),
        NegativeControl("larger κ", "κ is told to be 30 times larger", lambda e: replace(e, told_fraction=30.0)),
    ),
    "questions.clean_weight": (
        NegativeControl(
            "opposite sign",
            "the prediction is told the draw with the opposite signal projections",
            lambda e: replace(e, told_sign=-1.0),
        ),
    ),
    "questions.standard_control": (
        NegativeControl("exchanged", "networks of the adversarial training are judged", _adversarial_instead),
    ),
    "questions.fresh_sample": (
        NegativeControl("half the attack", "the law is told half of κ", lambda e: replace(e, told_fraction=0.5)),
        NegativeControl(
            "half the variance",
            "the law is told half of the noise's covariance",
            lambda e: replace(e, told_covariance=0.5),
        ),
    ),
    "questions.memorizer_corners": (
        NegativeControl("corners", "K = 2^D instead of 2^(D-1)", lambda e: replace(e, told_corner_dimension=1)),
        NegativeControl(
            "sample", "the formula is told one sample more", lambda e: replace(e, told_corner_samples=1)
        ),
    ),
    "questions.memorizer_cube": (
        NegativeControl("radius", "the bound is told a tenth of δ", lambda e: replace(e, told_radius=0.1)),
    ),
    "questions.dimension": (
        NegativeControl("degree", "the exponent is that of q + 1", lambda e: replace(e, told_degree=1)),
    ),
    "questions.image_stages": (
        NegativeControl(
            "exchanged", "robust train accuracy is claimed first", lambda e: replace(e, told_reversed=True)
        ),
    ),
}
