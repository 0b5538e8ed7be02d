"""Theorem 2: the claims with their checks and negative controls, and the runs they need."""

from __future__ import annotations

from cgro_theory.theorems.checked_claim import CheckedClaim
from cgro_theory.theorems.theorem_2_representation_complexity.claims.measurement import (
    CHECKS,
    FAULTS,
    figures,
    gather,
    parameters,
)
from cgro_theory.theorems.theorem_2_representation_complexity.claims.statement import CLAIMS, CONSTANTS

__all__ = ["CHECKED", "CONSTANTS", "figures", "gather", "parameters"]

CHECKED = tuple(CheckedClaim(claim, CHECKS[claim.label], FAULTS[claim.label]) for claim in CLAIMS)
