"""The smallest robust nets that training found, beside the bounds of their size (theory.md 3.3)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..runs.adversarial_training import TrainedNet
from ..theory.counts import corner_memorizer_count
from ..theory.lower_bound import Architecture, parameter_bound, smallest_width_left


@dataclass(frozen=True)
class SmallestNets:
    """The fewest parameters of a trained net at one dimension, None where none reached the fraction ε.

    ``fitting``: right at (c, 0), which robustness needs; ``attacked``: withstood PGD (lower estimate of its
    errors); ``proved``: robust by proof. ``lower`` is the bound from W and L alone, ``family_lower`` the
    fewest parameters of a net with equal hidden widths that the growth bound leaves, each for the depth among
    those trained that needs least and for the worst labels; ``upper`` is the memorizer of all corners.
    """

    input_dimension: int
    fitting: int | None
    attacked: int | None
    proved: int | None
    lower: int
    family_lower: int
    upper: int


def smallest_nets(nets: Iterable[TrainedNet], error_fraction: float) -> tuple[SmallestNets, ...]:
    """Per dimension the fewest parameters that fit, withstood the attack, and are proved robust up to ε."""
    grouped: dict[int, list[TrainedNet]] = {}
    for net in nets:
        grouped.setdefault(net.architecture.input_dimension, []).append(net)
    found = []
    for dimension, group in sorted(grouped.items()):
        corners = group[0].num_corners
        limit = error_fraction * corners
        depths = {len(net.architecture.widths) for net in group}
        found.append(
            SmallestNets(
                dimension,
                _fewest(net for net in group if net.zero_errors <= limit),
                _fewest(net for net in group if net.attack_errors <= limit),
                _fewest(net for net in group if net.unproved <= limit),
                min(parameter_bound(corners, error_fraction, depth) for depth in depths),
                min(_family_lower(dimension, depth - 1, corners, error_fraction) for depth in depths),
                corner_memorizer_count(dimension),
            )
        )
    return tuple(found)


def fitted_growth(nets: Iterable[TrainedNet], error_fraction: float) -> float:
    """Slope of log2(smallest proved size) in D: doublings per dimension; NaN from fewer than 3 dimensions."""
    rows = smallest_nets(nets, error_fraction)
    points = [(row.input_dimension, math.log2(row.proved)) for row in rows if row.proved]
    if len(points) < 3:
        return math.nan
    return float(np.polyfit([x for x, _ in points], [y for _, y in points], 1)[0])


def _family_lower(dimension: int, hidden_layers: int, corners: int, error_fraction: float) -> int:
    width = smallest_width_left(dimension, hidden_layers, corners, error_fraction)
    return Architecture(dimension, (width,) * hidden_layers + (1,)).parameters


def _fewest(nets: Iterable[TrainedNet]) -> int | None:
    return min((net.architecture.parameters for net in nets), default=None)
