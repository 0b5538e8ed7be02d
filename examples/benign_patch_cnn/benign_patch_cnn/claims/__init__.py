"""What the runner asks of a theorem."""

from ..runs.boundaries import gather, parameters
from . import attack, boundary
from .boundary import CONSTANTS
from .figure import figures

__all__ = ["CHECKED", "CONSTANTS", "GROWING", "figures", "gather", "parameters"]

CHECKED = boundary.CHECKED + attack.CHECKED
GROWING: frozenset[str] = frozenset({"benign"})
