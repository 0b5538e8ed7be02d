"""How many parameters a graph needs to be robust for every labelling of theorem 2's hypercube (theory.md 3.3)."""

from __future__ import annotations

import contextlib
import math
import sys

import flint

from cgro_theory.calculator.answer import BITS, Answer, Assumed, Direction, Quantity, Term
from cgro_theory.calculator.memorizer import squarings_needed
from cgro_theory.errors import InvalidInput, require_integer
from cgro_theory.numerics.arb import exact, lower_float, precision, upper_float
from cgro_theory.theorems.theorem_2_representation_complexity.theory.counts import (
    CGRO_LAYERS,
    hierarchy_dimension,
    structural_count,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory.lower_bound import (
    binary_entropy,
    depth_free_bound,
    hamming_distance,
    log2_parameter_bound,
    packing,
    parameter_bound,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory.neighbours import neighbour_bounds

MAX_DIMENSION = 10**12
EXACT_DIMENSION = 4097
"""Up to here K is an exact integer; beyond, its logarithm is rounded down to an integer."""
MAX_DISTANCE = 2000
MAX_SEARCHED = 1024
_LARGEST = 2**1000


def robust_size(
    input_dimension: int,
    *,
    num_samples: int = 100,
    perturbation_radius: float = 0.25,
    norm_order: float = math.inf,
    error_share: float = 0.0,
    num_layers: int = CGRO_LAYERS,
) -> Answer:
    """Bounds of the parameters of one fixed ReLU graph that is robust for every labelling of K = 2^(D-1) corners.

    Or of a packing. A given labelling can be far cheaper: parity has a robust net with 9(D-1) parameters.

    p = inf needs δ < 1/2; p = 1, 2 use a Gilbert-Varshamov packing. ``error_share`` ε in [0, 1/2) is the robust
    test error allowed, ``num_layers`` L counts the output layer. Beside them the CGRO network with N points, the
    least D from which the lower bound exceeds it, and the neighbours' bounds. A lower bound that no float holds is
    the largest float, an upper bound inf; ``log10`` has the size.

    >>> answer = robust_size(41)
    >>> answer["robust_lower_bound"].value > answer["cgro_count"].value
    True
    """
    dimension = require_integer("input_dimension", input_dimension, 2, MAX_DIMENSION)
    samples = require_integer("num_samples", num_samples, 1)
    distance = hamming_distance(perturbation_radius, norm_order)
    if distance > dimension - 1:
        raise InvalidInput(
            "perturbation_radius", perturbation_radius, f"smaller: no {distance} of {dimension - 1} bits"
        )
    # Corners at Hamming distance h are h^(1/p) apart.
    separation = 1.0 if norm_order == math.inf else distance ** (1.0 / norm_order)
    stages = squarings_needed(dimension, perturbation_radius, separation) if norm_order == 2 else 0
    cgro = structural_count(samples, dimension, norm_order, 1, stages)
    quantities = [
        _lower(dimension, distance, perturbation_radius, norm_order, error_share, num_layers),
        *_depth_free(dimension, perturbation_radius, norm_order, error_share),
        _upper(dimension, distance, perturbation_radius, norm_order, stages),
        _cgro(cgro, samples),
        _crossing(samples, error_share, num_layers, perturbation_radius, norm_order),
    ]
    notes: tuple[str, ...] = ()
    if samples >= 2:
        try:
            quantities += _neighbours(samples, dimension, perturbation_radius, separation)
        except OverflowError:
            notes = ("the neighbours' bounds are left out: one of them is above every float at this D",)
    return Answer(
        "robust-size",
        {
            "input_dimension": dimension,
            "num_samples": samples,
            "perturbation_radius": perturbation_radius,
            "norm_order": norm_order,
            "error_share": error_share,
            "num_layers": num_layers,
        },
        tuple(quantities),
        (
            _few_points(samples, dimension, distance, perturbation_radius, norm_order),
            Assumed("separation", f"opposite labels are {separation:.6g} > 2δ apart", True),
            Assumed(
                "architecture", "one fixed graph of ReLU layers, one output, the same for every labelling", None
            ),
            Assumed(
                "every labelling", "robust error <= ε for every labelling; one (parity) can be far cheaper", None
            ),
        ),
        notes,
    )


def _few_points(samples: int, dimension: int, distance: int, radius: float, norm_order: float) -> Assumed:
    if dimension <= EXACT_DIMENSION:
        points = packing(dimension, radius, norm_order)
        few, known = samples <= points, f" = {points}" if points < 10**9 else ""
    else:
        few, known = (samples - 1).bit_length() <= log2_points(dimension, distance), ""
    which = "2^(D-1) corners" if distance == 1 else "packing of corners"
    return Assumed(
        "points",
        f"N <= K{known}, the {which} of the instance: with more, points repeat, and all K memorized once, which "
        "is robust, take fewer parameters than cgro_count",
        few,
    )


def log2_points(dimension: int, distance: int) -> int:
    """A lower bound of log2 K: D - 1 for h = 1, else D - 1 - log2 Σ_(i<h) C(D-1, i), rounded down."""
    if distance == 1:
        return dimension - 1
    if distance > MAX_DISTANCE:
        raise InvalidInput(
            "perturbation_radius", distance, f"small enough for a Hamming distance <= {MAX_DISTANCE}"
        )
    volume = sum(math.comb(dimension - 1, size) for size in range(distance))
    return max(0, dimension - 1 - (volume - 1).bit_length())


def _lower(
    dimension: int, distance: int, radius: float, norm_order: float, error_share: float, num_layers: int
) -> Quantity:
    if dimension <= EXACT_DIMENSION:
        points = packing(dimension, radius, norm_order)
        bound = parameter_bound(points, error_share, num_layers)
        value, exponent = _as_value(bound, lower=True), points.bit_length() - 1
        with precision(BITS):
            log10 = lower_float(flint.arb(bound).log() / flint.arb(10).log()) if bound > 0 else -math.inf
    else:
        exponent = log2_points(dimension, distance)
        log2 = log2_parameter_bound(exponent, error_share, num_layers)
        with precision(BITS):
            shown = math.isfinite(log2)
            log10 = lower_float(exact(log2) * flint.arb(2).log() / flint.arb(10).log()) if shown else -math.inf
            value = lower_float(flint.arb(2) ** exact(log2)) if shown and log2 < 2000 else sys.float_info.max
            value = value if shown else 0
    with precision(BITS):
        share = lower_float(1 - binary_entropy(error_share))
    return Quantity(
        "robust_lower_bound",
        value,
        Direction.LOWER,
        "W >= (K(1 - H2(ε)) - L)/Σ_(i<=L) log2(2eKi)",
        "theory.md 3.3, theorem_2.robust_lower_bound; Bartlett, Harvey, Liaw and Mehrabian 2019",
        "parameters (dense)",
        (
            Term("log2 K", exponent, "points of the hypercube, rounded down"),
            Term("1 - H2(ε)", share, "bits per point"),
            Term("L", num_layers, "layers, output included"),
        ),
        log10=log10,
        vacuous=value <= 1,
    )


def _depth_free(dimension: int, radius: float, norm_order: float, error_share: float) -> list[Quantity]:
    if dimension > EXACT_DIMENSION:
        return []
    bound = depth_free_bound(packing(dimension, radius, norm_order), error_share)
    return [
        Quantity(
            "robust_lower_bound_any_depth",
            _as_value(bound, lower=True),
            Direction.LOWER,
            "W + W² log2(2eKW) >= K(1 - H2(ε))",
            "theory.md 3.3 with L <= W; this project",
            "parameters (dense)",
            log10=math.nextafter(math.log10(bound) * (1.0 - 1e-15), -math.inf),
            vacuous=bound <= 1,
        )
    ]


def _upper(dimension: int, distance: int, radius: float, norm_order: float, stages: int) -> Quantity:
    if dimension <= EXACT_DIMENSION:
        points = packing(dimension, radius, norm_order)
        count = structural_count(points, dimension, norm_order, 1, stages)
        value: int | float = _as_value(count)
        with precision(BITS):
            log10 = upper_float(flint.arb(count).log() / flint.arb(10).log())
    else:
        # All 2^(D-1) corners, at least as many as any packing of them: 2^(D-1)·each + 5.
        each = structural_count(1, dimension, norm_order, 1, stages) - 5
        value = math.inf
        with precision(BITS):
            rest = flint.arb(each) + 5 * flint.arb(2) ** (1 - dimension)
            log10 = upper_float(((dimension - 1) * flint.arb(2).log() + rest.log()) / flint.arb(10).log())
    return Quantity(
        "robust_upper_bound",
        value,
        Direction.UPPER,
        "K·(per point) + W_clean + 4: memorizing all K points is robust",
        "theory.md 3.2, theorem_2.hierarchy",
        "edges and biases",
        (Term("h", distance, "Hamming distance of opposite labels"),),
        log10=log10,
        vacuous=False,
    )


def _cgro(count: int, samples: int) -> Quantity:
    """The CGRO network's count: exact, or beyond 2^1000 an upper bound with its logarithm rounded up."""
    is_exact, log10 = count <= _LARGEST, math.log10(count)
    if not is_exact:
        with precision(BITS):
            log10 = upper_float(flint.arb(count).log() / flint.arb(10).log())
    return Quantity(
        "cgro_count",
        _as_value(count),
        Direction.EQUALITY if is_exact else Direction.UPPER,
        "W_clean + N·(per point) + 4 with W_clean = 1 (f = x_D)",
        "theory.md 3.1, theorem_2.parameter_count",
        "edges and biases",
        (Term("N", samples, "training points"),),
        log10=log10,
        vacuous=None if is_exact else False,
        note="" if is_exact else "no float holds this count; log10 has its size, rounded up",
    )


def _crossing(samples: int, error_share: float, num_layers: int, radius: float, norm_order: float) -> Quantity:
    dimension = None
    note = (
        "one fixed graph, worst labelling (larger where the graph may depend on the labels); the bound is "
        "rounded down, so the true dimension is at most this"
    )
    if 8 * hamming_distance(radius, norm_order) < MAX_SEARCHED:
        # Refused beyond D = 4097: too many points N for a crossing that this search can see.
        with contextlib.suppress(InvalidInput):
            dimension = hierarchy_dimension(
                samples, error_share, num_layers, perturbation_radius=radius, norm_order=norm_order
            )
    if dimension is None:
        note = f"beyond what is searched: 8h < {MAX_SEARCHED}, D <= {EXACT_DIMENSION}"
    return Quantity(
        "hierarchy_dimension",
        dimension,
        Direction.UPPER,
        "least D from which the robust lower bound exceeds the CGRO count with N points",
        "theory.md 3.2, theorem_2.hierarchy",
        "dimension D",
        (Term("N", samples, "training points"),),
        vacuous=None if dimension is None else False,
        note=note,
    )


def _neighbours(samples: int, dimension: int, radius: float, separation: float) -> list[Quantity]:
    quantities = []
    names = ("li_sufficient", "li_necessary", "li_robust_linear", "kim_width", "kim_vc_dimension")
    for name, bound in zip(names, neighbour_bounds(samples, dimension, radius, separation), strict=True):
        sided = Direction.LOWER if bound.direction == "lower" else Direction.UPPER
        explicit = bound.constant == "explicit"
        quantities.append(
            Quantity(
                name,
                bound.value,
                sided if explicit else Direction.SHAPE,
                bound.convention,
                bound.source,
                bound.quantity,
                vacuous=None if not explicit or bound.value is None else bound.value <= 1,
                note=f"{bound.direction} bound; {bound.constant}"
                + ("; does not apply" if bound.value is None else ""),
            )
        )
    return quantities


def _as_value(count: int, *, lower: bool = False) -> int | float:
    """The integer itself, or the float of the safe side beyond 2^1000."""
    if count <= _LARGEST:
        return count
    return sys.float_info.max if lower else math.inf
