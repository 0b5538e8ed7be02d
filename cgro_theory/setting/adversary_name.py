"""The names of the adversaries; apart from the attacks themselves, which need torch."""

from __future__ import annotations

import enum


class AdversaryName(enum.StrEnum):
    """Which perturbation training and testing face."""

    TRANSFER = "transfer"
    SPAN = "span"
    L2 = "l2"
