"""Deliberately wrong versions of theorem 2's claims; each must come out refuted by the claim's own check."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import permutations

import numpy as np
from scipy.sparse import csr_array

from cgro_theory.theorems.checked_claim import NegativeControl
from cgro_theory.theorems.theorem_2_representation_complexity.claims.altered_networks import with_bias, with_block
from cgro_theory.theorems.theorem_2_representation_complexity.claims.hierarchy_checks import (
    PROVED_PARITY_DIMENSION,
)
from cgro_theory.theorems.theorem_2_representation_complexity.networks.circuit import Circuit, block
from cgro_theory.theorems.theorem_2_representation_complexity.networks.clean_classifier import (
    coordinate_classifier,
)
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import (
    Memorizer,
    memorize,
    squaring_circuit,
)
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import training_set
from cgro_theory.theorems.theorem_2_representation_complexity.runs import formulas
from cgro_theory.theorems.theorem_2_representation_complexity.runs.adversarial_training import (
    TrainingBudget,
    train_on,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.hypercube import (
    ExactError,
    HypercubeInstance,
    enumerate_samples,
    random_instance,
    sample_error,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import (
    HierarchyRun,
    NamedMemorizer,
    RepresentationEvidence,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.making import wide_ramp_comparison


def _bias_dropped(evidence: RepresentationEvidence) -> RepresentationEvidence:
    first = evidence.counted[0]
    entry = first.built.circuit.named["indicator"]
    edges = {edge.source: edge.weights for edge in entry.incoming}
    mask = entry.has_bias.copy()
    mask[0] = False
    changed = block("indicator", True, edges, np.where(mask, entry.biases, 0.0), mask)
    built = replace(first.built, circuit=with_block(first.built.circuit, changed))
    return replace(evidence, counted=(replace(first, built=built), *evidence.counted[1:]))


def _norm_mistaken(evidence: RepresentationEvidence) -> RepresentationEvidence:
    changed = tuple(
        replace(entry, built=replace(entry.built, norm_order=1.0)) if entry.built.norm_order == math.inf else entry
        for entry in evidence.counted
    )
    return replace(evidence, counted=changed)


def _every_box_read(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """One ladder's networks with an edge from every box to every indicator, 0 where it is not its own."""
    return _one_ladder_rebuilt(evidence, lambda built: replace(built, circuit=_fully_read(built.circuit)))


def _fully_read(circuit: Circuit) -> Circuit:
    entry = circuit.named["indicator"]
    (edge,) = entry.incoming
    rows, columns = edge.weights.shape
    dense = edge.weights.toarray().reshape(-1)
    places = np.tile(np.arange(columns), rows)
    full = csr_array((dense, places, np.arange(rows + 1) * columns), shape=(rows, columns))
    return with_block(circuit, block("indicator", True, {edge.source: full}, entry.biases, entry.has_bias))


def _one_ladder_rebuilt(
    evidence: RepresentationEvidence, change: Callable[[Memorizer], Memorizer]
) -> RepresentationEvidence:
    """The p = inf ladder in N with every network changed; the other ladders stay."""
    ladders = tuple(
        replace(ladder, networks=tuple(change(built) for built in ladder.networks))
        if ladder.norm_order == math.inf and ladder.variable == "N"
        else ladder
        for ladder in evidence.ladders
    )
    return replace(evidence, ladders=ladders)


def _largest_on_twice_the_points(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """The largest network of one ladder remembers every point twice; it is said to have N."""
    *others, last = evidence.ladders
    built = last.networks[-1]
    data = training_set(np.vstack([built.data.points] * 2), np.tile(built.data.labels, 2))
    twice = memorize(data, built.perturbation_radius, built.norm_order, built.clean)
    ladder = replace(last, networks=(*last.networks[:-1], replace(twice, data=built.data)))
    return replace(evidence, ladders=(*others, ladder))


def _one_squaring_less(evidence: RepresentationEvidence) -> RepresentationEvidence:
    *others, last = evidence.squarings
    return replace(evidence, squarings=(*others, replace(last, circuit=squaring_circuit(last.squarings - 1))))


def _wrong_tent(evidence: RepresentationEvidence) -> RepresentationEvidence:
    index = next(at for at, entry in enumerate(evidence.squarings) if entry.squarings >= 2)
    run = evidence.squarings[index]
    entry = run.circuit.named["sum.1"]
    edges = {edge.source: edge.weights * (1.5 if edge.source == "tent.1" else 1.0) for edge in entry.incoming}
    changed = block("sum.1", entry.is_relu, edges, entry.biases, entry.has_bias)
    runs = list(evidence.squarings)
    runs[index] = replace(run, circuit=with_block(run.circuit, changed))
    return replace(evidence, squarings=tuple(runs))


def _without_own_indicator(norm_order: float) -> Callable[[RepresentationEvidence], RepresentationEvidence]:
    """Set the indicator bias of one ball, where the clean classifier alone fails, from 1 to -1."""

    def change(evidence: RepresentationEvidence) -> RepresentationEvidence:
        chosen = _repaired(evidence, norm_order)
        ball = _most_wrong(chosen)
        circuit = with_bias(chosen.built.circuit, "indicator", ball, -1.0)
        return _one_changed(evidence, chosen, circuit)

    return change


def _face_moved(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """Move one face of one box across its centre and past the ramp: only half of the ball stays covered."""
    chosen = _repaired(evidence, math.inf)
    ball = _most_wrong(chosen)
    unit = 2 * ball * chosen.built.data.input_dimension
    moved = chosen.built.perturbation_radius + 2.0 * chosen.built.ramp_width
    bias = float(chosen.built.circuit.named["box"].biases[unit]) + moved
    return _one_changed(evidence, chosen, with_bias(chosen.built.circuit, "box", unit, bias))


def _repaired(evidence: RepresentationEvidence, norm_order: float) -> NamedMemorizer:
    """A memorizer whose clean classifier is wrong on some training point."""
    return next(
        entry
        for entry in evidence.memorizers
        if entry.built.norm_order == norm_order and entry.built.clean_wrong_on
    )


def _most_wrong(entry: NamedMemorizer) -> int:
    data = entry.built.data
    return int(np.argmin(data.labels * entry.built.clean.evaluate(data.points)))


def _one_changed(
    evidence: RepresentationEvidence, entry: NamedMemorizer, circuit: Circuit
) -> RepresentationEvidence:
    """The evidence with the circuit of this one memorizer changed."""
    changed = replace(entry, built=replace(entry.built, circuit=circuit), attack=None)
    return replace(
        evidence, memorizers=tuple(changed if other is entry else other for other in evidence.memorizers)
    )


def _ramp_as_wide_as_gap(evidence: RepresentationEvidence) -> RepresentationEvidence:
    return replace(evidence, comparisons=(*evidence.comparisons[:-1], wide_ramp_comparison(7.9)))


def _one_label_flipped(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """On the hypercube, one remembered corner enters the output with the other sign."""
    first, *others = evidence.comparisons
    circuit = first.built.circuit
    output = circuit.named["output"]
    edges = {edge.source: edge.weights.toarray() for edge in output.incoming}
    edges["indicator"][0, 0] *= -1.0
    changed = block("output", False, edges, output.biases, output.has_bias)
    built = replace(first.built, circuit=with_block(circuit, changed))
    return replace(evidence, comparisons=(replace(first, built=built), *others))


def _twice_the_corners(evidence: RepresentationEvidence) -> RepresentationEvidence:
    changed = tuple(replace(entry, input_dimension=entry.input_dimension + 1) for entry in evidence.exact_errors)
    return replace(evidence, exact_errors=changed)


def _without_replacement(evidence: RepresentationEvidence) -> RepresentationEvidence:
    instance = random_instance(3, evidence.seed)
    samples = permutations(range(instance.num_corners), 2)
    entry: ExactError = enumerate_samples(instance, samples, 2)
    return replace(evidence, exact_errors=(*evidence.exact_errors, entry))


def _one_corner_remembered(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """Monte Carlo anew with networks that remember one sampled corner, said to remember N."""
    first, *others = evidence.sampled_errors
    wrong = sample_error(first.input_dimension, 1, 2 * first.trials, evidence.seed)
    return replace(evidence, sampled_errors=(replace(wrong, num_samples=first.num_samples), *others))


def _units_for_parameters(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """The growth bound with W = the number of units in place of the number of weights and biases."""
    changed = []
    for entry in evidence.growth:
        units, points = sum(entry.architecture.widths), entry.num_points
        changed.append(replace(entry, bound_bits=1.0 + units * math.log2(2.0 * math.e * points / units)))
    return replace(evidence, growth=tuple(changed))


def _errors_not_paid(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """K bits demanded where errors are allowed: the entropy H2(ε) left out."""
    return replace(evidence, covers=tuple(replace(entry, errors=0) for entry in evidence.covers))


def _labels_of_one_bit(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """Nets of two units trained on labels that the first bit decides, said to be random; no bound covers these."""
    corners = np.arange(1 << 10)
    instance = HypercubeInstance(11, np.where(corners & 1, 1.0, -1.0), 1 / 16, 1 / 8)
    nets = train_on(instance, TrainingBudget((2,), (1,), 4, 150, max_boxes=1), evidence.seed)
    return replace(evidence, trained=(*evidence.trained, *nets))


def _hierarchy(evidence: RepresentationEvidence) -> HierarchyRun:
    if evidence.hierarchy is None:
        raise ValueError("no hierarchy was built")
    return evidence.hierarchy


def _networks_for(
    points: Callable[[int], int], norm_order: float
) -> Callable[[RepresentationEvidence], RepresentationEvidence]:
    """CGRO networks built anew, with another number of points or for another norm."""

    def change(evidence: RepresentationEvidence) -> RepresentationEvidence:
        run = _hierarchy(evidence)
        networks = []
        for net in run.networks:
            size = net.input_dimension
            data = training_set(
                np.linspace(0.0, 1.0, points(run.num_samples))[:, None] + np.zeros((1, size)),
                np.ones(points(run.num_samples)),
            )
            networks.append(memorize(data, 0.01, norm_order, coordinate_classifier(size, size - 1)).circuit)
        return replace(evidence, hierarchy=replace(run, networks=tuple(networks)))

    return change


def _a_corner_forgotten(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """In one of the memorizers of all corners, one indicator's bias is -1 for 1."""
    run = _hierarchy(evidence)
    *others, last = run.corners
    broken = replace(last, circuit=with_bias(last.circuit, "indicator", 0, -1.0))
    return replace(evidence, hierarchy=replace(run, corners=(*others, broken)))


def _a_tooth_missing(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """One parity net whose second tooth starts at the corner after its own."""
    run = _hierarchy(evidence)
    nets = tuple(
        with_bias(net, "teeth", 1, -2.0) if net.input_dimension == PROVED_PARITY_DIMENSION else net
        for net in run.parities
    )
    return replace(evidence, hierarchy=replace(run, parities=nets))


def _errors_not_paid_in_the_hierarchy(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """K bits demanded where a share ε of errors is allowed."""
    run = _hierarchy(evidence)
    free = formulas.entropy_expression() * 2 ** (formulas.input_dimension - 1)
    return replace(evidence, hierarchy=replace(run, one_graph=run.one_graph + free))


def _graphs_not_counted(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """The bound of one fixed graph told where the graph may depend on the labels."""
    run = _hierarchy(evidence)
    return replace(evidence, hierarchy=replace(run, any_graph=run.one_graph))


FAULTS: Mapping[str, tuple[NegativeControl, ...]] = {
    "theorem_2.parameter_count": (
        NegativeControl("bias_dropped", "one indicator is built without its bias", _bias_dropped),
        NegativeControl("norm_mistaken", "the formula of p = 1 for networks built for p = inf", _norm_mistaken),
    ),
    "theorem_2.count_growth": (
        NegativeControl(
            "every_box_read", "one ladder's indicators read every box: quadratic in N", _every_box_read
        ),
        NegativeControl(
            "twice_the_points", "one network of one ladder on twice its points", _largest_on_twice_the_points
        ),
    ),
    "theorem_2.squaring_error": (
        NegativeControl("one_squaring_less", "M - 1 compositions where M are claimed", _one_squaring_less),
        NegativeControl("wrong_tent", "the first tent enters with 3/2 of its weight", _wrong_tent),
    ),
    "theorem_2.robust_train_error": (
        NegativeControl(
            "indicator_bias", "p = inf: one indicator's bias -1 for 1", _without_own_indicator(math.inf)
        ),
        NegativeControl("face_moved", "p = inf: one face of one box moved across the ball", _face_moved),
        NegativeControl("indicator_bias_1", "p = 1: one indicator's bias -1 for 1", _without_own_indicator(1.0)),
        NegativeControl("indicator_bias_2", "p = 2: one indicator's bias -1 for 1", _without_own_indicator(2.0)),
    ),
    "theorem_2.clean_test_error": (
        NegativeControl("wide_ramp", "the ramp γ of the sample in place of min(γ, δ)", _ramp_as_wide_as_gap),
        NegativeControl(
            "label_flipped", "one remembered label enters one network with the wrong sign", _one_label_flipped
        ),
    ),
    "theorem_2.robust_test_error": (
        NegativeControl("twice_the_corners", "K = 2^D for 2^(D-1)", _twice_the_corners),
        NegativeControl("without_replacement", "one size on samples of distinct corners", _without_replacement),
        NegativeControl(
            "one_remembered", "Monte Carlo nets that remember one corner of N", _one_corner_remembered
        ),
    ),
    "theorem_2.robust_lower_bound": (
        NegativeControl("units_for_parameters", "log2 G with units counted, not weights", _units_for_parameters),
        NegativeControl("errors_not_paid", "K bits demanded where errors are allowed", _errors_not_paid),
        NegativeControl("labels_of_one_bit", "nets trained on labels that are not random", _labels_of_one_bit),
    ),
    "theorem_2.hierarchy": (
        NegativeControl("other_norm", "CGRO nets built for p = 1: 2N parameters more", _networks_for(int, 1.0)),
        NegativeControl(
            "half_the_points", "CGRO nets built on N/2 points", _networks_for(lambda count: count // 2, math.inf)
        ),
        NegativeControl(
            "errors_not_paid", "K bits demanded where errors are allowed", _errors_not_paid_in_the_hierarchy
        ),
        NegativeControl("corner_forgotten", "one net of all corners misses a corner", _a_corner_forgotten),
        NegativeControl("tooth_missing", "one parity net has a tooth in the wrong place", _a_tooth_missing),
    ),
    "theorem_2.hierarchy_any_graph": (
        NegativeControl("graphs_not_counted", "the bound of one fixed graph, for any graph", _graphs_not_counted),
        NegativeControl(
            "half_the_points", "CGRO nets built on N/2 points", _networks_for(lambda count: count // 2, math.inf)
        ),
    ),
}
