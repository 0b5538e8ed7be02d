"""The readers' questions: gather the runs, judge the claims, plant faults, draw, answer (see "
"``theorems/room.py``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgro_theory.theorems.questions.claims import attack_checks, other_checks, patch_checks, slope_checks
from cgro_theory.theorems.questions.claims.answers import answered
from cgro_theory.theorems.questions.claims.controls import FAULTS
from cgro_theory.theorems.questions.claims.figures import figures
from cgro_theory.theorems.questions.runs.made import QuestionsEvidence
from cgro_theory.theorems.questions.runs.making import gather
from cgro_theory.theorems.room import Check

__all__ = ["CHECKS", "FAULTS", "figures", "gather", "parameters"]

CHECKS: Mapping[str, Check] = {
    "questions.current_iterate": attack_checks.check_current_iterate,
    "questions.attack_off_the_signal": attack_checks.check_attack_off_the_signal,
    "questions.activation_degree": slope_checks.check_activation_degree,
    "questions.exponent_plane": patch_checks.check_exponent_plane,
    "questions.three_phases": patch_checks.check_three_phases,
    "questions.clean_weight": patch_checks.check_clean_weight,
    "questions.standard_control": patch_checks.check_standard_control,
    "questions.fresh_sample": patch_checks.check_fresh_sample,
    "questions.memorizer_corners": other_checks.check_memorizer_corners,
    "questions.memorizer_cube": other_checks.check_memorizer_cube,
    "questions.dimension": slope_checks.check_dimension,
    "questions.image_stages": other_checks.check_image_stages,
}


def parameters(evidence: QuestionsEvidence) -> dict[str, Any]:
    """The answers, and how many networks stand behind them, as plain JSON values."""
    networks = {
        "attacks": len(evidence.attacks),
        "attack rules": len(evidence.attack_rules),
        "degrees": len(evidence.degrees),
        "exponent plane": len(evidence.exponent_map),
        "phases": len(evidence.phase_map),
        "weights": len(evidence.weights),
        "controls": len(evidence.controls),
        "fresh samples": len(evidence.fresh),
        "hypercube memorizers": len(evidence.corners),
        "cube memorizers": len(evidence.cube),
        "image classifiers": len(evidence.images),
    }
    return {"networks": networks, "answers": answered(evidence)}
