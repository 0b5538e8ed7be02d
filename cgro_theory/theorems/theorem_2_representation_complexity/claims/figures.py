"""The figures of theorem 2, as data."""

from __future__ import annotations

import math

from cgro_theory.claims import Figure, Marker, Panel, Series
from cgro_theory.theorems.theorem_2_representation_complexity.claims.lower_bound_check import (
    fitted_growth,
    smallest_nets,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import RepresentationEvidence
from cgro_theory.theorems.theorem_2_representation_complexity.theory import counts as prediction
from cgro_theory.theorems.theorem_2_representation_complexity.theory.lower_bound import any_graph_bound

_DIGITS = (1797, 64)
_NORM_NAMES = {1.0: "p = 1", 2.0: "p = 2", math.inf: "p = inf"}


def figures(evidence: RepresentationEvidence) -> tuple[Figure, ...]:
    """Hierarchy, growth of counts, robust test error, and trained nets: those that were gathered."""
    drawn = []
    if evidence.hierarchy is not None:
        drawn.append(_hierarchy_figure(evidence))
    if evidence.ladders:
        drawn.append(_growth_figure(evidence))
    if evidence.exact_errors:
        drawn.append(_error_figure(evidence))
    if evidence.continuous_errors:
        drawn.append(_continuous_figure(evidence))
    if evidence.trained:
        drawn.append(_trained_figure(evidence))
    return tuple(drawn)


def _hierarchy_figure(evidence: RepresentationEvidence) -> Figure:
    samples, share = _DIGITS[0], evidence.error_share
    rows = [prediction.hierarchy(samples, dimension, share) for dimension in range(2, 81)]
    x = [float(row.input_dimension) for row in rows]
    bounded = [row for row in rows if row.log2_robust_lower >= 0.0]
    layers = prediction.CGRO_LAYERS
    any_graph = [
        float(any_graph_bound(2 ** (row.input_dimension - 1), row.input_dimension, share, layers))
        for row in bounded
    ]
    parity = [float(prediction.parity_count(row.input_dimension)) for row in rows]
    series = (
        Series("clean: f = x_D", x, [2.0**row.log2_clean for row in rows], colour=2),
        Series(f"CGRO memorizer, N = {samples}", x, [2.0**row.log2_cgro for row in rows], colour=0),
        Series(
            "one fixed graph robust for every labelling: lower bound (4 layers)",
            [float(row.input_dimension) for row in bounded],
            [2.0**row.log2_robust_lower for row in bounded],
            colour=1,
        ),
        Series(
            "graph may depend on the labels, worst labelling: lower bound (4 layers)",
            [float(row.input_dimension) for row in bounded],
            any_graph,
            colour=4,
        ),
        Series(
            "all corners memorized: robust for every labelling",
            x,
            [2.0**row.log2_robust_upper for row in rows],
            colour=1,
            style="dashed",
        ),
        Series("one labelling, parity: a robust net (4 layers)", x, parity, colour=5, style="dashed"),
    )
    fixed = prediction.hierarchy_dimension(samples, share)
    free = prediction.hierarchy_dimension(samples, share, any_graph=True)
    markers = (
        Marker(f"one fixed graph: above CGRO from D = {fixed}", float(fixed), colour=3),
        Marker(f"any graph, worst labelling: from D = {free}", float(free), colour=4),
        Marker("digits: D = 64", float(_DIGITS[1])),
    )
    title = "Parameters against dimension"
    panel = Panel(title, "input dimension D", "parameters", series, markers, y_scale="log")
    caption = (
        "Clean generalization costs one parameter and CGRO grows linearly in N·D, while robustness for the worst "
        f"labelling doubles with every dimension. The lower bounds (robust error at most {share:g}) are about one "
        f"fixed graph that serves every labelling (above CGRO from D = {fixed}) and, where the graph may depend "
        f"on the labels, about some labelling (from D = {free}). They say nothing about one given labelling: "
        f"parity has a robust net with 9(D-1) parameters, {prediction.parity_count(fixed)} at D = {fixed}. Upper: "
        "the memorizer of all 2^(D-1) corners."
    )
    return Figure(
        "theorem_2_hierarchy",
        "Clean, CGRO and robust sizes, worst labelling",
        caption,
        (panel,),
        (
            "theorem_2.hierarchy",
            "theorem_2.hierarchy_any_graph",
            "theorem_2.robust_lower_bound",
        ),
    )


def _growth_figure(evidence: RepresentationEvidence) -> Figure:
    panels = []
    for variable, fixed in (("N", "D = 16"), ("D", "N = 16")):
        series = []
        for colour, ladder in enumerate(entry for entry in evidence.ladders if entry.variable == variable):
            counts = [net.circuit.structural_count / max(1, net.squarings) for net in ladder.networks]
            name = _NORM_NAMES[ladder.norm_order] + (", divided by M" if ladder.norm_order == 2 else "")
            series.append(Series(name, [float(size) for size in ladder.sizes], counts, colour=colour))
        axis = "training points N" if variable == "N" else "input dimension D"
        panels.append(Panel(f"Built networks, {fixed}", axis, "edges and biases", tuple(series), (), "log", "log"))
    caption = "Structural counts of built networks: slope 1 in N and in D; p = 2 after division by M squarings."
    return Figure(
        "theorem_2_counts",
        "O(ND) parameters",
        caption,
        tuple(panels),
        (
            "theorem_2.parameter_count",
            "theorem_2.count_growth",
        ),
    )


def _error_figure(evidence: RepresentationEvidence) -> Figure:
    series = []
    for colour, dimension in enumerate((4, 8, 12)):
        corners = 2 ** (dimension - 1)
        sizes = sorted({max(1, round(corners * 2.0 ** (step / 4.0))) for step in range(-24, 13)})
        curve = [prediction.robust_test_error(size, dimension).high for size in sizes]
        x = [size / corners for size in sizes]
        series.append(Series(f"(1 - 1/K)^N, D = {dimension}", x, curve, colour=colour))
    built = [entry for entry in evidence.exact_errors if entry.mismatch == 0]
    series.append(
        Series(
            "built networks, D = 2 to 12",
            [entry.num_samples / 2 ** (entry.input_dimension - 1) for entry in built],
            [float(entry.expectation) for entry in built],
            colour=3,
            style="points",
        )
    )
    panel = Panel(
        "Hypercube", "N / K", "expected robust test error", tuple(series), (Marker("N = K", 1.0),), x_scale="log"
    )
    caption = "Robust overfitting lasts exactly as long as the sample misses most of the K = 2^(D-1) corners."
    return Figure(
        "theorem_2_robust_test_error",
        "When the memorizer overfits",
        caption,
        (panel,),
        ("theorem_2.robust_test_error",),
    )


def _continuous_figure(evidence: RepresentationEvidence) -> Figure:
    panels = []
    for radius in sorted({entry.perturbation_radius for entry in evidence.continuous_errors}):
        series = []
        for colour, order in enumerate(_NORM_NAMES):
            rows = [
                entry
                for entry in evidence.continuous_errors
                if entry.norm_order == order and entry.perturbation_radius == radius
            ]
            low = [entry.broken / entry.trials for entry in rows]
            high = [1.0 - entry.robust / entry.trials for entry in rows]
            middle = [(a + b) / 2.0 for a, b in zip(low, high, strict=True)]
            x = [float(entry.num_samples) for entry in rows]
            series.append(Series(_NORM_NAMES[order], x, middle, colour=colour, low=low, high=high))
        panels.append(
            Panel(f"δ = {radius:g}", "training points N", "robust test error", tuple(series), (), x_scale="log")
        )
    caption = (
        "Uniform inputs in three dimensions: bands run from what an attack found to what could not be proved "
        "robust. The error falls once the balls and their ramps cover the support; larger δ covers it sooner."
    )
    return Figure(
        "theorem_2_continuous", "A continuous example", caption, tuple(panels), ("theorem_2.robust_test_error",)
    )


def _trained_figure(evidence: RepresentationEvidence) -> Figure:
    rows = smallest_nets(evidence.trained, evidence.error_share)
    series = [
        Series(
            "lower bound, equal widths, worst labels",
            [float(row.input_dimension) for row in rows],
            [float(row.family_lower) for row in rows],
            colour=1,
        ),
        Series(
            "all corners memorized",
            [float(row.input_dimension) for row in rows],
            [float(row.upper) for row in rows],
            colour=1,
            style="dashed",
        ),
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
    growth = fitted_growth(evidence.trained, evidence.error_share)
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
    return Figure(
        "theorem_2_trained", "Robust nets in practice", caption, (panel,), ("theorem_2.robust_lower_bound",)
    )
