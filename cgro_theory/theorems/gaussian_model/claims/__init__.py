"""The template: one claim, and what the runner asks of a theorem."""

from ..runs.counted_models import gather, parameters
from .robust_error import CHECKED, CONSTANTS, figures

__all__ = ["CHECKED", "CONSTANTS", "GROWING", "figures", "gather", "parameters"]

GROWING: frozenset[str] = frozenset()
