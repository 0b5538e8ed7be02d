"""The formulas of theorem 2's counts and bounds (theory.md 3.1, 3.3), in sympy.

Symbols: N points, D inputs, M squarings, p the norm, W_clean the clean classifier's structural count, K = 2^(D-1)
corners, ε the share of errors (``error_share``), L layers, output included.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import sympy

num_samples, input_dimension, squarings = sympy.symbols("N D M", positive=True, integer=True)
num_parameters = sympy.Symbol("W", positive=True, integer=True)
clean_count = sympy.Symbol("W_clean", nonnegative=True, integer=True)
norm_order = sympy.Symbol("p", positive=True, extended_real=True)
error_share = sympy.Symbol("epsilon_error", nonnegative=True)
perturbation_radius, offset = sympy.symbols("delta tau", positive=True)
opposite_distance, ramp_width = sympy.symbols("distance gamma", positive=True)

_N, _D, _M = num_samples, input_dimension, squarings


def structural_expression(order: float) -> sympy.Expr:
    """Edges and biases of the memorizer's circuit for p in {1, 2, inf}: exact, linear in N and in D."""
    each = {
        1.0: 6 * _D + 6,
        2.0: (7 * _M + 6) * _D + _M + 6,
        math.inf: 6 * _D + 4,
    }[float(order)]
    return clean_count + _N * each + 4


def dense_expression(order: float, clean_widths: Sequence[int] = (), stages: int = 0) -> sympy.Expr:
    """Entries and biases of the padded net's layers, Σ n_l (n_(l-1) + 1), a polynomial in N and D.

    ``stages`` is M, an integer, for p = 2; ``clean_widths`` are the clean classifier's hidden widths.
    """
    memory = [2 * _N * _D, *[2 * _N * _D + _N] * stages, *([_N] if float(order) == math.inf else [_N, _N])]
    gate = max(len(memory), len(clean_widths)) + 1
    memory += [_N] * (gate - len(memory))
    clean = [sympy.Integer(width) for width in clean_widths]
    clean += [sympy.Integer(2)] * (gate - len(clean))
    layers = [_D, *[own + other for own, other in zip(memory, clean, strict=True)], sympy.Integer(1)]
    return sum(above * (below + 1) for below, above in itertools.pairwise(layers))


def euclidean_dense_expression() -> sympy.Expr:
    """:func:`dense_expression` for p = 2 around a linear classifier, with M as a symbol."""
    first, middle, late = 2 * _N * _D + 2, 2 * _N * _D + _N + 2, _N + 2
    layers = first * (_D + 1) + middle * (first + 1) + (_M - 1) * middle * (middle + 1)
    return layers + late * (middle + 1) + 2 * late * (late + 1) + late + 1


def entropy_expression() -> sympy.Expr:
    """H2(ε) in bits, for 0 < ε < 1/2; at 0 its limit is 0."""
    share = error_share
    return -(share * sympy.log(share) + (1 - share) * sympy.log(1 - share)) / sympy.log(2)


def robust_lower_bound_expression(layers: int) -> sympy.Expr:
    """(K (1 - H2(ε)) - L) / Σ_{i<=L} log2(2eKi) with K = 2^(D-1) (theory.md 3.3)."""
    corners = 2 ** (_D - 1)
    logs = sum(sympy.log(2 * sympy.E * corners * index) for index in range(1, layers + 1)) / sympy.log(2)
    return (corners * (1 - entropy_expression()) - layers) / logs


def parity_expression() -> sympy.Expr:
    """Edges and biases of the robust parity net (``parity``): 9(D-1)."""
    return 9 * (_D - 1)


def missing_bits_expression(layers: int, any_graph: bool = False) -> sympy.Expr:
    """K (1 - H2(ε)) - L - W Σ_{i<=L} log2(2eKi), less W log2(e(W + D + 1)) where the graph depends on the labels.

    Where it is > 0, W parameters do not suffice for some labelling (theory.md 3.3).
    """
    corners = 2 ** (_D - 1)
    logs = sum(sympy.log(2 * sympy.E * corners * index) for index in range(1, layers + 1))
    if any_graph:
        logs += sympy.log(sympy.E * (num_parameters + _D + 1))
    return corners * (1 - entropy_expression()) - layers - num_parameters * logs / sympy.log(2)
