"""The template: one claim, and what the runner asks of a theorem."""

from cgro_theory.theorems.gaussian_model.claims.robust_error import CHECKED, CONSTANTS, figures
from cgro_theory.theorems.gaussian_model.runs.counted_models import gather, parameters

__all__ = ["CHECKED", "CONSTANTS", "GROWING", "figures", "gather", "parameters"]

GROWING: frozenset[str] = frozenset()
