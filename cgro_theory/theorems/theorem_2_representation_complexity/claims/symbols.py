"""Symbols and formulas that theorem 2's statements share (theory.md 3.1, 3.3). Needs sympy only.

N points, D inputs, M squarings, p the norm, W parameters, W_clean those of the clean classifier, L layers (output
included), K corners, ε the fraction of errors that is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import sympy as sp

PAPER = "Li and Li, arXiv 2306.01271"
EACH_DECIDED = "each case is decided exactly or by intervals, and the cases are a sample"
"""Of claims about more cases than were decided (docs/theory/verdicts.md): they are consistent, not certified."""

N, D, M, L, W = sp.symbols("N D M L W", integer=True, positive=True)
W_clean = sp.Symbol("W_clean", integer=True, nonnegative=True)
p = sp.Symbol("p", positive=True, extended_real=True)
epsilon = sp.Symbol("epsilon", nonnegative=True)
K = 2 ** (D - 1)
_i = sp.Symbol("i", integer=True, positive=True)

STRUCTURAL: Mapping[float, sp.Expr] = {
    1.0: W_clean + N * (6 * D + 6) + 4,
    2.0: W_clean + N * ((7 * M + 6) * D + M + 6) + 4,
    math.inf: W_clean + N * (6 * D + 4) + 4,
}
"""Edges and biases of the memorizer, by the norm."""

BITS_DEMANDED = K * (1 + (epsilon * sp.log(epsilon) + (1 - epsilon) * sp.log(1 - epsilon)) / sp.log(2))
"""K(1 - H2(ε)), for 0 < ε < 1/2."""


def bits_per_parameter(layers: sp.Expr | int) -> sp.Expr:
    """What a parameter of a fixed graph of so many layers adds to log2 G at most: Σ log2(2eKi)."""
    return sp.Sum(sp.log(2**D * sp.E * _i) / sp.log(2), (_i, 1, layers))


LEAST_PARAMETERS = (BITS_DEMANDED - L) / bits_per_parameter(L)
"""The lower bound of W for one fixed graph of L layers."""


def missing_bits(layers: int, any_graph: bool = False) -> sp.Expr:
    """The bits that a net of W parameters lacks for some labelling, where this is > 0 (theory.md 3.3).

    ``any_graph``: less log2(e(W + D + 1)) per parameter, where the graph may depend on the labels.
    """
    graph_bits = sp.log(sp.E * (W + D + 1)) / sp.log(2) if any_graph else 0
    return BITS_DEMANDED - layers - W * (bits_per_parameter(layers) + graph_bits)
