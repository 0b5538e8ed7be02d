"""What robustness for every labelling costs: the exponential lower bound (theory.md 3.3)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp

from cgro_theory.claims import (
    Claim,
    Evidence,
    Extreme,
    Interval,
    Measurement,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
)
from cgro_theory.claims.condition import EvaluatedCondition, StatedAssumption
from cgro_theory.claims.figure import Figure, Panel, Series
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong

from ..runs import adversarial_training, hypercube
from ..runs.made import RepresentationRuns
from ..theory import lower_bound as bounds
from ..theory.conditions import FEW_ERRORS, SMALL_OFFSET
from .symbols import LEAST_PARAMETERS, W
from .trained import fitted_growth, smallest_nets

RANDOM_LABELS = StatedAssumption(
    "random labels",
    "the labels of the trained nets are drawn uniformly and independently, once for all nets of a dimension",
    "the runs; a negative control trains on others",
)

ROBUST_LOWER_BOUND = Claim(
    label="theorem_2.robust_lower_bound",
    statement="One fixed graph that is robust up to a share ε of errors for every labelling of the hypercube has "
    "K(1 - H2(ε)) <= log2 G(K), hence W >= (K(1 - H2(ε)) - L)/Σ log2(2eKi).",
    source=Source("theory.md", "3.3 (with Bartlett, Harvey, Liaw and Mehrabian 2019)"),
    provenance=(Provenance.PAPER, Provenance.DERIVED),
    quantity="smallest ratio: bound of log2 G to log2 of the patterns enumerated; these bits and the luck of the "
    "labels to K(1 - H2); bound to K(1 - H2) for trained nets that fit",
    natural_range=Interval.at_least(0.0),
    relation=Relation.AT_LEAST,
    expression=sp.Ge(W, LEAST_PARAMETERS),
    assumptions=(SMALL_OFFSET, FEW_ERRORS, RANDOM_LABELS),
    limitations="a single labelling, which can be far cheaper (parity: 9(D-1) parameters); a graph that depends "
    "on the labels (theorem_2.hierarchy_any_graph); failing to train a small net proves nothing",
)

GrowthBound = Callable[[bounds.Architecture, int], float]
Demand = Callable[[int, float, float], float]


@dataclass(frozen=True)
class _Comparison:
    """One ratio that the claim says is >= 1 (None: nothing to compare), and whether it could have been less."""

    name: str
    ratio: float | None
    binds: bool


def check_robust_lower_bound(
    runs: RepresentationRuns,
    failure_probability: float,
    *,
    growth: GrowthBound = bounds.growth_bound,
    demand: Demand = bounds.demanded_bits,
) -> CheckedPair:
    """Three comparisons, each along one step of K(1 - H2(ε)) <= log2 G(K) <= bound.

    Graphs whose patterns were enumerated, against the bound of log2 G; it binds where the bound is below K, the
    most that a count can be. The same classes against the labels: a random labelling is fitted up to ε with
    probability at most 2^-(K(1 - H2(ε)) - log2 G), both sides counted; it binds where the demand exceeds log2 G.
    Nets trained on random labels that fit up to ε, against the bound of their size; it binds where the bound says
    that no net of this size fits.
    """
    predicted = Prediction(Interval.at_least(1.0), _conditions(runs))
    if predicted.unmet:
        return CheckedPair(predicted, Measurement.failed("no bound for such hypercubes or errors"))
    comparisons = [*_compare_patterns(runs, growth), *_compare_covers(runs, demand)]
    nets = runs.training.nets if runs.training is not None else ()
    trained = _compare_trained(runs, failure_probability, growth, demand)
    ratios = [entry.ratio for entry in (*comparisons, *trained) if entry.ratio is not None]
    excluded = [entry for entry in trained if entry.binds]
    notes = [(entry.name, math.nan if entry.ratio is None else entry.ratio) for entry in comparisons]
    notes += [
        ("trained nets of a size that the bound excludes", float(len(excluded))),
        ("of these, nets that fit", float(sum(entry.ratio is not None for entry in excluded))),
    ]
    for row in smallest_nets(nets, runs.error_fraction):
        name = f"D={row.input_dimension}"
        notes += [
            (f"{name}: lower bound from W and L, worst labels", float(row.lower)),
            (f"{name}: lower bound for equal widths, worst labels", float(row.family_lower)),
            (f"{name}: all corners", float(row.upper)),
        ]
        for kind, value in (("fitting", row.fitting), ("attacked", row.attacked), ("proved", row.proved)):
            notes.append((f"{name}: smallest net {kind}", math.nan if value is None else float(value)))
    notes.append(("log2 of the smallest proved net, per dimension", fitted_growth(nets, runs.error_fraction)))
    if not ratios:
        return CheckedPair(predicted, Measurement.failed("nothing was enumerated or trained"))
    worst = min(ratios)
    measured = Measurement(
        worst,
        Interval.point(worst),
        1.0 - failure_probability,
        len(ratios),
        Evidence.STATISTICAL,
        notes=tuple((name, value) for name, value in notes if not math.isnan(value)),
        binding=sum(entry.binds for entry in (*comparisons, *trained)),
        raw=Extreme("least", Reading.points(ratios)),
    )
    return CheckedPair(predicted, measured)


def _conditions(runs: RepresentationRuns) -> tuple[EvaluatedCondition, ...]:
    fractions = {runs.error_fraction, *(cover.errors / cover.num_points for cover in runs.covers)}
    few = tuple(FEW_ERRORS.given(epsilon=fraction) for fraction in sorted(fractions))
    made = runs.training
    return few if made is None else (SMALL_OFFSET.given(tau=made.offset, delta=made.perturbation_radius), *few)


def _compare_patterns(runs: RepresentationRuns, growth: GrowthBound) -> list[_Comparison]:
    found = []
    for entry in runs.growth:
        graph, points = entry.architecture, entry.num_points
        bound = growth(graph, points)
        name = f"bound of log2 G / log2 G: {graph.widths}, {graph.input_dimension} inputs, K={points}"
        found.append(_Comparison(name, bound / math.log2(entry.found), bound < points))
    return found


def _compare_covers(runs: RepresentationRuns, demand: Demand) -> list[_Comparison]:
    found = []
    for cover in runs.covers:
        demanded = demand(cover.num_points, cover.errors / cover.num_points, 0.0)
        bits = math.log2(cover.patterns)
        luck = cover.num_points - math.log2(cover.covered)
        name = f"(log2 G + luck) / K(1 - H2): {cover.name}, {cover.errors} errors"
        found.append(_Comparison(name, (bits + luck) / demanded, demanded > bits))
    return found


def _compare_trained(
    runs: RepresentationRuns, failure_probability: float, growth: GrowthBound, demand: Demand
) -> list[_Comparison]:
    """Bound over demand for each trained net that fits; those that do not fit have no ratio.

    The labels are random, not the worst, so each architecture's demand is lowered by t bits, t = log2(number of
    architectures / failure_probability): then all demands hold together with probability >= 1 -
    failure_probability. A net that is wrong everywhere (one that diverged) was no attempt to violate the bound.
    """
    nets = runs.training.nets if runs.training is not None else ()
    slack = math.log2(max(1, len({net.architecture for net in nets})) / failure_probability)
    found = []
    for net in nets:
        demanded = demand(net.num_corners, runs.error_fraction, slack)
        if demanded <= 0.0:
            continue
        bound = growth(net.architecture, net.num_corners)
        fits = net.zero_errors <= runs.error_fraction * net.num_corners
        tried = net.zero_errors < net.num_corners
        name = f"trained {net.architecture.widths}, D={net.architecture.input_dimension}"
        found.append(_Comparison(name, bound / demanded if fits else None, tried and bound < demanded))
    return found


def _units_for_parameters(architecture: bounds.Architecture, num_points: int) -> float:
    units = sum(architecture.widths)
    return 1.0 + units * math.log2(2.0 * math.e * num_points / units)


def _errors_not_paid(num_points: int, error_fraction: float, slack_bits: float) -> float:
    return bounds.demanded_bits(num_points, 0.0, slack_bits)


def _labels_of_one_bit(runs: RepresentationRuns) -> RepresentationRuns:
    """Nets of two units trained on labels that the first bit decides; no bound covers these."""
    made = runs.training
    if made is None:
        raise ValueError("no net was trained")
    labels = np.where(np.arange(1 << 10) & 1, 1.0, -1.0)
    instance = hypercube.HypercubeInstance(11, labels, made.offset, made.perturbation_radius)
    budget = adversarial_training.TrainingBudget((2,), (1,), 4, 150, max_boxes=1)
    nets = adversarial_training.train_on(instance, budget, runs.seed)
    return replace(runs, training=replace(made, nets=(*made.nets, *nets)))


def figures(runs: RepresentationRuns) -> tuple[Figure, ...]:
    """The smallest robust nets that training found, between the bounds."""
    if runs.training is None:
        return ()
    rows = smallest_nets(runs.training.nets, runs.error_fraction)
    dimensions = [float(row.input_dimension) for row in rows]
    lower, upper = ([float(getattr(row, name)) for row in rows] for name in ("family_lower", "upper"))
    series = [
        Series("lower bound, equal widths, worst labels", dimensions, lower, colour=1),
        Series("all corners memorized", dimensions, upper, colour=1, style="dashed"),
    ]
    for colour, (label, values) in enumerate(
        (
            ("trained, withstood the attack", [(row.input_dimension, row.attacked) for row in rows]),
            ("trained, proved robust", [(row.input_dimension, row.proved) for row in rows]),
        )
    ):
        known = [(float(dimension), float(size)) for dimension, size in values if size is not None]
        x, y = [point[0] for point in known], [point[1] for point in known]
        series.append(Series(label, x, y, colour=2 + colour, style="points"))
    growth = fitted_growth(runs.training.nets, runs.error_fraction)
    if not math.isnan(growth):
        proved = [(float(row.input_dimension), math.log2(row.proved)) for row in rows if row.proved is not None]
        middle_x, middle_y = (sum(values) / len(proved) for values in zip(*proved, strict=True))
        x = [dimension for dimension, _ in proved]
        y = [2.0 ** (middle_y + growth * (dimension - middle_x)) for dimension in x]
        series.append(Series(f"fit: 2^({growth:.2f} D)", x, y, colour=3, style="dashed", faint=True))
    panel = Panel("Smallest robust net found", "input dimension D", "parameters", tuple(series), (), y_scale="log")
    caption = (
        "Adversarial training on the hypercube (δ = 1/8, τ = 1/16): upper estimates under a fixed budget, between "
        "the lower bound for the worst labels and the memorizer of all corners. Where no point stands, no net "
        "of the sizes tried (most of them excluded by the bound) withstood the attack."
    )
    return (
        Figure("theorem_2_trained", "Robust nets in practice", caption, (panel,), (ROBUST_LOWER_BOUND.label,)),
    )


CHECKED = (
    CheckedClaim(
        ROBUST_LOWER_BOUND,
        check_robust_lower_bound,
        controls=(
            with_wrong(
                "units_for_parameters", "log2 G with units counted, not weights", growth=_units_for_parameters
            ),
            with_wrong("errors_not_paid", "K bits demanded where errors are allowed", demand=_errors_not_paid),
            NegativeControl("labels_of_one_bit", "nets trained on labels that are not random", _labels_of_one_bit),
        ),
        needs=("growth", "covers", "training"),
        numeric=lambda D, epsilon, L: math.exp2(bounds.log2_parameter_bound(D - 1, epsilon, L)),
    ),
)
