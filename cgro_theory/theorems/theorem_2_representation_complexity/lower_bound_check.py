"""The check of the exponential lower bound: brute-force patterns and adversarially trained nets against it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cgro_theory.claims import Evidence, Interval, Measurement, Prediction
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_2_representation_complexity.adversarial_training import TrainedNet
from cgro_theory.theorems.theorem_2_representation_complexity.evidence import RepresentationEvidence
from cgro_theory.theorems.theorem_2_representation_complexity.lower_bound import (
    Architecture,
    demanded_bits,
    growth_bound,
    parameter_bound,
    smallest_width_left,
)
from cgro_theory.theorems.theorem_2_representation_complexity.prediction import corner_memorizer_count


@dataclass(frozen=True)
class SmallestNets:
    """The fewest parameters of a trained net at one dimension, None where none reached the share ε.

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


def check_robust_lower_bound(evidence: RepresentationEvidence, failure_probability: float) -> CheckedPair:
    """No pattern count exceeds the growth bound, and no net that fits the corners is smaller than allowed.

    The labels are random, not the worst, so each architecture's demand is lowered by t bits, t = log2(number of
    architectures / failure_probability): then all demands hold together with probability >= 1 -
    failure_probability.
    """
    ratios = [entry.bound_bits / math.log2(entry.patterns.found) for entry in evidence.growth]
    notes: list[tuple[str, float]] = [
        (f"log2 G / log2 found: {entry.patterns.architecture.widths}, K={entry.patterns.num_points}", ratio)
        for entry, ratio in zip(evidence.growth, ratios, strict=True)
    ]
    share = evidence.error_share
    architectures = {net.architecture for net in evidence.trained}
    slack = math.log2(max(1, len(architectures)) / failure_probability)
    for net in evidence.trained:
        if net.zero_errors > share * net.num_corners:
            continue
        demand = demanded_bits(net.num_corners, share, slack)
        if demand > 0.0:
            ratios.append(growth_bound(net.architecture, net.num_corners) / demand)
        least = parameter_bound(net.num_corners, share, len(net.architecture.widths), slack)
        if least > 0:
            ratios.append(net.architecture.parameters / least)
    for entry in smallest_nets(evidence.trained, share):
        name = f"D={entry.input_dimension}"
        notes += [
            (f"{name}: lower bound from W and L", float(entry.lower)),
            (f"{name}: lower bound for equal widths", float(entry.family_lower)),
            (f"{name}: all corners", float(entry.upper)),
        ]
        for kind, value in (("fitting", entry.fitting), ("attacked", entry.attacked), ("proved", entry.proved)):
            notes.append((f"{name}: smallest net {kind}", math.nan if value is None else float(value)))
    growth = fitted_growth(evidence.trained, share)
    notes.append(("log2 of the smallest proved net, per dimension", growth))
    claimed = Prediction(Interval.at_least(1.0))
    if not ratios:
        return CheckedPair(claimed, Measurement.failed("nothing was enumerated or trained"))
    worst = min(ratios)
    measured = Measurement(
        worst,
        Interval.point(worst),
        1.0 - failure_probability,
        len(ratios),
        Evidence.STATISTICAL,
        notes=tuple((name, value) for name, value in notes if not math.isnan(value)),
    )
    return CheckedPair(claimed, measured)


def smallest_nets(nets: Iterable[TrainedNet], error_share: float) -> tuple[SmallestNets, ...]:
    """Per dimension the fewest parameters that fit, withstood the attack, and are proved robust up to ε."""
    grouped: dict[int, list[TrainedNet]] = {}
    for net in nets:
        grouped.setdefault(net.architecture.input_dimension, []).append(net)
    found = []
    for dimension, group in sorted(grouped.items()):
        limit = error_share * group[0].num_corners
        depths = {len(net.architecture.widths) for net in group}
        found.append(
            SmallestNets(
                dimension,
                _fewest(net for net in group if net.zero_errors <= limit),
                _fewest(net for net in group if net.attack_errors <= limit),
                _fewest(net for net in group if net.unproved <= limit),
                min(parameter_bound(group[0].num_corners, error_share, depth) for depth in depths),
                min(_family_lower(dimension, depth - 1, group[0].num_corners, error_share) for depth in depths),
                corner_memorizer_count(dimension),
            )
        )
    return tuple(found)


def _family_lower(dimension: int, hidden_layers: int, num_corners: int, error_share: float) -> int:
    width = smallest_width_left(dimension, hidden_layers, num_corners, error_share)
    return Architecture(dimension, (width,) * hidden_layers + (1,)).parameters


def fitted_growth(nets: Iterable[TrainedNet], error_share: float) -> float:
    """Slope of log2(smallest proved size) in D: doublings per dimension; NaN from fewer than 3 dimensions."""
    points = [(n.input_dimension, math.log2(n.proved)) for n in smallest_nets(nets, error_share) if n.proved]
    if len(points) < 3:
        return math.nan
    return float(np.polyfit([x for x, _ in points], [y for _, y in points], 1)[0])


def _fewest(nets: Iterable[TrainedNet]) -> int | None:
    return min((net.architecture.parameters for net in nets), default=None)
