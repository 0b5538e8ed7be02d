"""The check of the exponential lower bound: enumerated patterns and adversarially trained nets against it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cgro_theory.claims import Evidence, Interval, Measurement, Prediction
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_2_representation_complexity.runs.adversarial_training import TrainedNet
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import RepresentationEvidence
from cgro_theory.theorems.theorem_2_representation_complexity.theory.counts import corner_memorizer_count
from cgro_theory.theorems.theorem_2_representation_complexity.theory.lower_bound import (
    Architecture,
    demanded_bits,
    growth_bound,
    parameter_bound,
    smallest_width_left,
)


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


@dataclass(frozen=True)
class _Comparison:
    """One ratio that the claim says is >= 1 (None: nothing to compare), and whether it could have been less."""

    name: str
    ratio: float | None
    binds: bool


def check_robust_lower_bound(evidence: RepresentationEvidence, failure_probability: float) -> CheckedPair:
    """Three comparisons, each along one step of K(1 - H2(ε)) <= log2 G(K) <= bound.

    Graphs whose patterns were enumerated, against the bound of log2 G; it binds where the bound is below K, the
    most that a count can be. The same classes against the labels: a random labelling is fitted up to ε with
    probability at most 2^-(K(1 - H2(ε)) - log2 G), both sides counted; it binds where the demand exceeds log2 G.
    Nets trained on random labels that fit up to ε, against the bound of their size; it binds where the bound says
    that no net of this size fits.
    """
    comparisons = [
        _Comparison(
            f"bound of log2 G / log2 G: {entry.architecture.widths}, {entry.architecture.input_dimension} inputs, "
            f"K={entry.num_points}",
            entry.bound_bits / math.log2(entry.found),
            entry.bound_bits < entry.num_points,
        )
        for entry in evidence.growth
    ]
    for cover in evidence.covers:
        demand = demanded_bits(cover.num_points, cover.errors / cover.num_points)
        bits = math.log2(cover.patterns)
        luck = cover.num_points - math.log2(cover.covered)
        name = f"(log2 G + luck) / K(1 - H2): {cover.name}, {cover.errors} errors"
        comparisons.append(_Comparison(name, (bits + luck) / demand, demand > bits))
    trained = _compare_trained(evidence.trained, evidence.error_share, failure_probability)
    ratios = [entry.ratio for entry in (*comparisons, *trained) if entry.ratio is not None]
    excluded = [entry for entry in trained if entry.binds]
    notes = [(entry.name, math.nan if entry.ratio is None else entry.ratio) for entry in comparisons]
    notes += [
        ("trained nets of a size that the bound excludes", float(len(excluded))),
        ("of these, nets that fit", float(sum(entry.ratio is not None for entry in excluded))),
        *_size_notes(evidence.trained, evidence.error_share),
    ]
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
        binding=sum(entry.binds for entry in (*comparisons, *trained)),
    )
    return CheckedPair(claimed, measured)


def _compare_trained(
    nets: Iterable[TrainedNet], error_share: float, failure_probability: float
) -> list[_Comparison]:
    """Bound over demand for each trained net that fits; those that do not fit have no ratio.

    The labels are random, not the worst, so each architecture's demand is lowered by t bits, t = log2(number of
    architectures / failure_probability): then all demands hold together with probability >= 1 -
    failure_probability. A net that is wrong everywhere (one that diverged) was no attempt to violate the bound.
    """
    nets = tuple(nets)
    slack = math.log2(max(1, len({net.architecture for net in nets})) / failure_probability)
    found = []
    for net in nets:
        demand = demanded_bits(net.num_corners, error_share, slack)
        if demand <= 0.0:
            continue
        bound = growth_bound(net.architecture, net.num_corners)
        fits = net.zero_errors <= error_share * net.num_corners
        tried = net.zero_errors < net.num_corners
        name = f"trained {net.architecture.widths}, D={net.architecture.input_dimension}"
        found.append(_Comparison(name, bound / demand if fits else None, tried and bound < demand))
    return found


def _size_notes(nets: Iterable[TrainedNet], error_share: float) -> list[tuple[str, float]]:
    nets = tuple(nets)
    notes: list[tuple[str, float]] = []
    for entry in smallest_nets(nets, error_share):
        name = f"D={entry.input_dimension}"
        notes += [
            (f"{name}: lower bound from W and L, worst labels", float(entry.lower)),
            (f"{name}: lower bound for equal widths, worst labels", float(entry.family_lower)),
            (f"{name}: all corners", float(entry.upper)),
        ]
        for kind, value in (("fitting", entry.fitting), ("attacked", entry.attacked), ("proved", entry.proved)):
            notes.append((f"{name}: smallest net {kind}", math.nan if value is None else float(value)))
    notes.append(("log2 of the smallest proved net, per dimension", fitted_growth(nets, error_share)))
    return notes


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
