"""Symbols of theorem 3's formulas (theory.md 4.1, 4.2). Needs sympy only."""

from __future__ import annotations

import sympy

PAPER = "Li and Li, arXiv 2306.01271"
EACH_DECIDED = "each case is decided exactly or by intervals, and the cases are a sample"
"""Of claims about more cases than were decided (docs/theory/verdicts.md): they are consistent, not certified."""

N, D = sympy.symbols("N D", positive=True, integer=True)
"""Training points, inputs."""
h, B, Delta = sympy.symbols("h B Delta", positive=True)
"""Bandwidth of the smoothed sample, bound of the loss, failure probability."""
pi_1, pi_2 = sympy.symbols("pi_1 pi_2", positive=True)
"""Weights of the two classes."""
delta, TV, V = sympy.symbols("delta TV V", real=True)
"""Radius of the attack, TV(P, P̂_h), Σ_y π_y ∫‖∇p_y‖₁."""
F_D, F_S = sympy.symbols("F_D F_S", real=True)
"""Global flatness E_D[F_r] with r = max(δ, h - δ), and mean_S[F_(δ+h)]."""
G, H = sympy.symbols("G H", real=True)
"""E‖∇ℓ‖₁ and E max_(‖ξ‖∞<=δ)‖∇²ℓ‖_(∞→1)."""
L_D_adv, L_S_adv, L_D_clean = sympy.symbols("L_D_adv L_S_adv L_D_clean", real=True)
"""Attacked loss of the population and of the sample, clean loss of the population."""
slope = sympy.Symbol("slope", real=True)
"""The exponent of a bound in N."""

EXPECTED_VARIATION = (
    h * D / (D + 1) * V + (sympy.sqrt(pi_1) + sympy.sqrt(pi_2)) / sympy.sqrt(N * (2 * h) ** D)
) / 2
"""The bound of E TV."""
