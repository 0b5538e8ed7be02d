"""The exponential lower bound of theory.md 3.3 with its constants, every value rounded to the safe side.

Instance: K points of {0,1}^(D-1), label y(c), input (c, τ y(c)) with 0 < τ <= δ, opposite labels more than 2δ
apart. The ball of radius δ contains (c, 0) for both labels, so a classifier robust at c outputs y(c) at (c, 0). A
class that can do that for every labelling up to a share ε of errors has K(1 - H2(ε)) <= log2 G(K).

G is the growth function of *one fixed graph*, so these are bounds for the worst labelling of that graph. Where
the graph may depend on the labels, log2 of the number of graphs is added (:func:`any_graph_bound`). One labelling
can be far cheaper than either (:mod:`parity`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import flint

from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.numerics.arb import exact, lower_float, precision, upper_float

_BITS = 200


@dataclass(frozen=True)
class Architecture:
    """A fully connected ReLU net: ``input_dimension`` inputs and layers of ``widths`` units, the last one 1."""

    input_dimension: int
    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        require_integer("input_dimension", self.input_dimension, 1)
        if not self.widths or self.widths[-1] != 1:
            raise InvalidInput("widths", self.widths, "at least one layer, the last of 1 unit")
        for width in self.widths:
            require_integer("width", width, 1)

    @property
    def cumulative_parameters(self) -> tuple[int, ...]:
        """W_i: weights and biases up to layer i (convention ``dense``)."""
        total, below, sums = 0, self.input_dimension, []
        for width in self.widths:
            total += width * (below + 1)
            sums.append(total)
            below = width
        return tuple(sums)

    @property
    def parameters(self) -> int:
        """W."""
        return self.cumulative_parameters[-1]


def growth_bound(architecture: Architecture, num_points: int) -> float:
    """Upper bound of log2 G(K) for sign patterns of the class on K points, rounded up (Bartlett et al. 2019).

    Σ_i min{K k_i, 1 + W_i log2(2e K k_i i / W_i)}, the second form where K k_i >= W_i. Patterns 1{f > 0}.

    >>> growth_bound(Architecture(2, (1,)), 3) >= math.log2(8) - 1e-12
    True
    """
    points = require_integer("num_points", num_points, 1)
    with precision(_BITS):
        total = flint.arb(0)
        cumulative = architecture.cumulative_parameters
        for layer, (width, parameters) in enumerate(zip(architecture.widths, cumulative, strict=True), start=1):
            best = flint.arb(points * width)
            if points * width >= parameters:
                ratio = exact(Fraction(2 * points * width * layer, parameters)) * flint.arb(1).exp()
                other = 1 + parameters * _log2(ratio)
                # Either term is a valid bound, so an undecided comparison may take any of the two.
                best = other if upper_float(other) < upper_float(best) else best
            total += best
        return upper_float(total)


def binary_entropy(error_share: float) -> flint.arb:
    """H2(ε) = -ε log2 ε - (1-ε) log2(1-ε) as a ball, ε in [0, 1/2]; call within a ``precision`` block."""
    share = Fraction(_share(error_share))
    if share == 0:
        return flint.arb(0)
    parts = (share, 1 - share)
    return -sum((exact(part) * _log2(exact(part)) for part in parts), flint.arb(0))


def demanded_bits(num_points: int, error_share: float, slack_bits: float = 0.0) -> float:
    """K(1 - H2(ε)) - t rounded down: bits of log2 G needed to fit K labels up to a share ε.

    With t = 0 for the worst labelling; a uniformly random labelling needs it with probability >= 1 - 2^-t.
    """
    points = require_integer("num_points", num_points, 1)
    with precision(_BITS + points.bit_length()):
        slack = exact(require_finite("slack_bits", slack_bits))
        return lower_float(points * (1 - binary_entropy(error_share)) - slack)


def is_excluded(architecture: Architecture, num_points: int, error_share: float) -> bool:
    """Whether the bound proves that the architecture is too small; False proves nothing."""
    return growth_bound(architecture, num_points) < demanded_bits(num_points, error_share)


def smallest_width_left(input_dimension: int, hidden_layers: int, num_points: int, error_share: float) -> int:
    """The smallest common hidden width that :func:`is_excluded` does not exclude."""
    width = 1
    while is_excluded(Architecture(input_dimension, (width,) * hidden_layers + (1,)), num_points, error_share):
        width += 1
    return width


def log2_parameter_bound(log2_points: int, error_share: float, num_layers: int) -> float:
    """log2 of the least W for nets of L layers (output included), rounded down; -inf where vacuous.

    W >= (K(1 - H2(ε)) - L) / Σ_{i<=L} log2(2eKi) with K = 2^log2_points, for every architecture with W
    parameters in all. Works for log2_points up to 10^12 and more. ``num_layers`` up to 10^6.
    """
    exponent = require_integer("log2_points", log2_points, 0)
    layers = require_integer("num_layers", num_layers, 1, 10**6)
    with precision(_BITS + 2 * exponent.bit_length()):
        share_left = 1 - binary_entropy(error_share) - layers * flint.arb(2) ** (-exponent)
        if not share_left > 0:
            return -math.inf
        logs = layers * (1 + exponent + _log2(flint.arb(1).exp())) + _log2(flint.arb(layers + 1).gamma())
        return lower_float(exponent + _log2(share_left) - _log2(logs))


def parameter_bound(num_points: int, error_share: float, num_layers: int) -> int:
    """The least W that is not excluded for one fixed graph of L layers: rounded down, then up to an integer.

    As :func:`log2_parameter_bound` for any K <= 2^4096; 0 where the bound is vacuous.
    """
    points = require_integer("num_points", num_points, 1, 2**4096)
    layers = require_integer("num_layers", num_layers, 1, 10**6)
    with precision(_BITS + 2 * points.bit_length()):
        need = points * (1 - binary_entropy(error_share)) - layers
        logs = layers * _log2(2 * flint.arb(1).exp() * points) + _log2(flint.arb(layers + 1).gamma())
        return max(0, _ceiling(need / logs))


def depth_free_bound(num_points: int, error_share: float) -> int:
    """The least W that is not excluded for one fixed graph of any depth, from L <= W and i <= L.

    W + W² log2(2eKW) >= K(1 - H2(ε)); rounded down. Of order sqrt(K / log K).
    """
    points = require_integer("num_points", num_points, 1, 2**4096)
    with precision(_BITS + 2 * points.bit_length()):
        need = points * (1 - binary_entropy(error_share))

        def excluded(parameters: int) -> bool:
            count = flint.arb(parameters)
            have = count + count * count * _log2(2 * flint.arb(1).exp() * points * parameters)
            return bool(have < need)

        return _least_left(excluded)


def graph_bits(num_parameters: int, input_dimension: int) -> flint.arb:
    """log2 of an upper bound of the number of graphs with at most W edges and biases; within ``precision``.

    A unit that has neither an edge into it nor a bias is the constant 0 and left out, so at most W units remain.
    A graph is then a set of at most W of the W(W + D + 1) pairs (unit; input, unit or bias that it reads), and
    Σ_(j<=W) C(M, j) <= (eM/W)^W: W log2(e(W + D + 1)) bits. A unit's layer follows from the graph.
    """
    return num_parameters * _log2(flint.arb(1).exp() * (num_parameters + input_dimension + 1))


def any_graph_bound(num_points: int, input_dimension: int, error_share: float, num_layers: int) -> int:
    """The least W not excluded for L layers where the graph may depend on the labels; rounded down.

    L + W (Σ_(i<=L) log2(2eKi) + log2(e(W + D + 1))) >= K(1 - H2(ε)). Below it some labelling of the K points is
    fitted up to the share ε by no net at all with W edges and biases, whatever its graph.

    >>> any_graph_bound(2**26, 27, 0.1, 4) < parameter_bound(2**26, 0.1, 4)
    True
    """
    points = require_integer("num_points", num_points, 1, 2**4096)
    dimension = require_integer("input_dimension", input_dimension, 1)
    layers = require_integer("num_layers", num_layers, 1, 10**6)
    with precision(_BITS + 2 * points.bit_length()):
        need = points * (1 - binary_entropy(error_share)) - layers
        logs = layers * _log2(2 * flint.arb(1).exp() * points) + _log2(flint.arb(layers + 1).gamma())
        return _least_left(lambda count: bool(count * logs + graph_bits(count, dimension) < need))


def _least_left(excluded: Callable[[int], bool]) -> int:
    """The least W >= 1 that is not excluded, where all smaller ones are."""
    low, high = 0, 1
    while excluded(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if excluded(middle) else (low, middle)
    return high


def packing(input_dimension: int, perturbation_radius: float, norm_order: float) -> int:
    """K: points of {0,1}^(D-1) with opposite labels more than 2δ apart whatever the labels; exact, rounded up
    from 2^n / Σ_{i<h} C(n, i) (Gilbert and Varshamov), which itself is a lower bound of the best packing.

    p = inf needs δ < 1/2 and has K = 2^n; p = 1, 2 need Hamming distance h with h^(1/p) > 2δ.
    Raises :class:`InvalidInput` when δ is too large for two points, or D - 1 > 4096.

    >>> packing(5, 0.4, math.inf), packing(5, 0.4, 2), packing(9, 0.8, 2)
    (16, 16, 7)
    """
    dimension = require_integer("input_dimension", input_dimension, 2, 4097) - 1
    distance = hamming_distance(perturbation_radius, norm_order)
    if distance > dimension:
        allowed = f"smaller: no {distance} of {dimension} bits"
        raise InvalidInput("perturbation_radius", perturbation_radius, allowed)
    volume = sum(math.comb(dimension, size) for size in range(distance))
    return -(-(1 << dimension) // volume)


def hamming_distance(perturbation_radius: float, norm_order: float) -> int:
    """The least h with corners at Hamming distance h more than 2δ apart in the p-norm, decided exactly.

    p = inf: 1, and :class:`InvalidInput` unless δ < 1/2; p = 1, 2: ⌊(2δ)^p⌋ + 1.
    """
    radius = Fraction(require_finite("perturbation_radius", perturbation_radius))
    if radius <= 0:
        raise InvalidInput("perturbation_radius", perturbation_radius, "> 0")
    if norm_order == math.inf:
        if 2 * radius >= 1:
            raise InvalidInput("perturbation_radius", perturbation_radius, "< 1/2 for the hypercube in l-inf")
        return 1
    if norm_order not in (1, 2):
        raise InvalidInput("norm_order", norm_order, "1, 2 or inf")
    return math.floor((2 * radius) ** int(norm_order)) + 1


def _ceiling(ball: flint.arb) -> int:
    """The ceiling of the ball's lower end: the least integer not below some point of it."""
    mantissa, exponent = ball.lower().man_exp()
    return math.ceil(Fraction(int(mantissa)) * Fraction(2) ** int(exponent))


def _log2(ball: flint.arb) -> flint.arb:
    return ball.log() / flint.arb(2).log()


def _share(error_share: float) -> float:
    share = require_finite("error_share", error_share, "in [0, 1/2)")
    if not 0.0 <= share < 0.5:
        raise InvalidInput("error_share", error_share, "in [0, 1/2)")
    return share
