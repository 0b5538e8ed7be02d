"""The synthetic side's claims of theory.md 4.3, with their formulas. Needs sympy only.

Symbols: N points, D inputs, h bandwidth, B loss bound, δ attack radius, Δ failure probability, TV = TV(P, P̂_h).
"""

from __future__ import annotations

import math

import sympy

from cgro_theory.claims import Assumption, Claim, Interval, Mark, Relation, Source
from cgro_theory.theorems.room import NamedConstant

num_samples, input_dimension = sympy.symbols("N D", positive=True, integer=True)
bandwidth, loss_bound, failure_probability = sympy.symbols("h B Delta_probability", positive=True)
perturbation_radius = sympy.Symbol("delta", nonnegative=True)
global_flatness, local_flatness = sympy.symbols("F_population F_sample", nonnegative=True)
total_variation = sympy.Symbol("TV", nonnegative=True)
gradient_variation, root_weights = sympy.symbols("V S", nonnegative=True)
mean_gradient, mean_curvature = sympy.symbols("G H", nonnegative=True)

_N, _D, _h, _B = num_samples, input_dimension, bandwidth, loss_bound
_PAPER = "Li and Li, arXiv 2306.01271"

GLOBAL_FORM = _h * global_flatness + _B * total_variation
LOCAL_FORM = _h * _D / (_D + 1) * local_flatness + _B * total_variation
EXPECTED_VARIATION = (
    _h * _D / (_D + 1) * gradient_variation + (_N * (2 * _h) ** _D) ** -sympy.Rational(1, 2) * root_weights
) / 2
DEVIATION = sympy.sqrt(sympy.log(1 / failure_probability) / (2 * _N))
RATE_BANDWIDTH = _N ** (-1 / (_D + 2))

BOUNDED_LOSS = Assumption(
    "bounded_loss",
    sympy.Gt(loss_bound, 0),
    "ℓ∘f takes values in [0, B], and is differentiable (or Lipschitz) in x",
    "by construction: ℓ is the sigmoid of -y·f, B = 1",
)
NARROW_KERNEL = Assumption(
    "narrow_kernel",
    sympy.Le(bandwidth, sympy.Rational(1, 2)),
    "2h <= 1: the box does not overlap itself on the unit torus; beyond, the sampling term is too small",
    "the prediction; else InvalidInput",
)
SMOOTH_LOSS = Assumption(
    "smooth_loss",
    sympy.Ge(mean_curvature, 0),
    "ℓ∘f has bounded second derivatives in x",
    "by construction: tanh units of periodic features",
)

FLATNESS_BOUND = Claim(
    label="theorem_3.flatness_bound",
    statement="The robust generalization gap is at most h·E_D[F_r] + B·TV(P, P̂_h), r = max(δ, h - δ), for every h "
    "and every f, even one that overfits the sample on purpose.",
    source=Source("theory.md", "4.2, 4.3; " + _PAPER + ", Appendix B"),
    marks=(Mark.NEW,),
    quantity="largest ratio of L_D^adv - L_S^adv to the global form's bound, over f, samples and h",
    natural_range=Interval(-math.inf, math.inf),
    relation=Relation.AT_MOST,
    expression=GLOBAL_FORM,
    assumptions=(BOUNDED_LOSS,),
    statistical=False,
    silent_about="tightness on trained f: the bound is attained up to a factor of two by a constructed loss only",
)
LOCAL_FORM_CLAIM = Claim(
    label="theorem_3.local_form",
    statement="The robust generalization gap is at most h·D/(D+1)·mean_S[F_(δ+h)] + B·TV(P, P̂_h): flatness on the "
    "training set counts at radius δ + h, and at radius δ alone it bounds nothing.",
    source=Source("theory.md", "4.2, 4.3"),
    marks=(Mark.NEW,),
    quantity="largest ratio of L_D^adv - L_S^adv to the local form's bound, over f, samples and h",
    natural_range=Interval(-math.inf, math.inf),
    relation=Relation.AT_MOST,
    expression=LOCAL_FORM,
    assumptions=(BOUNDED_LOSS,),
    statistical=False,
    silent_about="a constructed loss in D = 1 attains 99 % of it; for trained f it is loose",
)
RATE = Claim(
    label="theorem_3.rate",
    statement="At h = N^(-1/(D+2)) the explicit bound falls with exponent exactly -1/(D+2) in N, and the realized "
    "total variation of the densities used, over N = 10^2 to 10^6, with one between -2/(D+2) and -1/(D+2).",
    source=Source(_PAPER, "Appendix B", "version 4"),
    marks=(Mark.PAPER,),
    quantity="fitted exponent of the realized TV times D + 2, the D nearest to an end",
    natural_range=Interval(-math.inf, math.inf),
    relation=Relation.WITHIN,
    expression=-1 / (_D + 2),
    assumptions=(NARROW_KERNEL,),
    depends_on=("theorem_3.total_variation",),
    silent_about="single decades and flatter densities: counts in a box are binomial and not Poisson, so that a "
    "uniform density has an exponent above -1/(D+2) at every finite N, and at D = 1 each comes to -1/3 from above",
)
TOTAL_VARIATION = Claim(
    label="theorem_3.total_variation",
    statement="E TV(P, P̂_h) <= ½[h·D/(D+1)·Σ π_y∫‖∇p_y‖₁ + (N(2h)^D)^(-1/2)·Σ√π_y] for 2h <= 1, and TV exceeds "
    "that by more than √(log(1/Δ)/(2N)) with probability at most Δ.",
    source=Source("theory.md", "4.2, 4.3"),
    marks=(Mark.NEW,),
    quantity="largest ratio of realized TV to its bound at confidence 1 - Δ, and of E TV to its bound",
    natural_range=Interval.at_least(0.0),
    relation=Relation.AT_MOST,
    expression=EXPECTED_VARIATION + DEVIATION,
    assumptions=(NARROW_KERNEL,),
    silent_about="other densities; E TV itself is computed from the counts' law by quadrature",
)
CLEAN_TO_ROBUST_GAP = Claim(
    label="theorem_3.clean_to_robust_gap",
    statement="The attack costs at least δ·E‖∇ℓ‖₁ - ½δ²·E max_(‖ξ‖∞<=δ)‖∇²ℓ‖_(∞→1) of population loss.",
    source=Source(_PAPER + " (first order, as Ω) and theory.md", "4.1, 4.3"),
    marks=(Mark.PAPER, Mark.NEW),
    quantity="smallest L_D^adv - L_D^clean - δ·E‖∇ℓ‖₁ + ½δ²·E max‖∇²ℓ‖, over f and δ [loss]",
    natural_range=Interval(-math.inf, math.inf),
    relation=Relation.AT_LEAST,
    expression=perturbation_radius * mean_gradient - perturbation_radius**2 * mean_curvature / 2,
    assumptions=(SMOOTH_LOSS,),
    statistical=False,
    silent_about="a factor in Ω: without the second-order term the first-order form is false for saturated losses",
)
VACUITY = Claim(
    label="theorem_3.vacuity",
    statement="At image dimension the explicit bound exceeds B for every h and stays VACUOUS until the N that the "
    "calculator names; in D = 1 it is below B at N = 10^5 for a moderately trained f.",
    source=Source("theory.md", "4.3"),
    marks=(Mark.NEW,),
    quantity="smallest signed log10(bound/B): at image sizes, just around the N named, and at D = 1, N >= 10^5",
    natural_range=Interval(-math.inf, math.inf),
    relation=Relation.AT_LEAST,
    expression=GLOBAL_FORM.subs(total_variation, EXPECTED_VARIATION),
    assumptions=(NARROW_KERNEL,),
    statistical=False,
    silent_about="F and the density at image dimension are assumed (constants image_flatness, amplitude), not "
    "measured; real images have no known density",
)

CLAIMS: tuple[Claim, ...] = (
    FLATNESS_BOUND,
    LOCAL_FORM_CLAIM,
    TOTAL_VARIATION,
    RATE,
    CLEAN_TO_ROBUST_GAP,
    VACUITY,
)

CONSTANTS: tuple[NamedConstant, ...] = (
    NamedConstant("loss", "1/(1 + exp(y f)), B = 1", "the bound needs ℓ in [0, B]; smooth, so that F exists"),
    NamedConstant("amplitude", "a = 0.9", "p_y = Π(1 + a cos(2πx_k + φ_y)), φ = 0 and π: the classes overlap"),
    NamedConstant("image_flatness", "F = 1", "least slope that takes ℓ from 0 to 1 across the unit cube"),
    NamedConstant("flatness_constant", "C(D, ℓ), no value", "the paper's form leaves it open: a shape, no number"),
    NamedConstant("torus_radius", "δ = 1.5/64 (D = 1), 2.5/64 (D = 2, 3)", "trained and judged at"),
)
