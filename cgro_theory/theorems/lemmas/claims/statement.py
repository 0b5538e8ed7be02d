"""The lemmas as claims (theory.md 2.2 and 2.3). Needs sympy only."""

from __future__ import annotations

import math

import sympy as sp

from cgro_theory.claims import Assumption, Claim, Interval, Mark, Relation, Source
from cgro_theory.theorems.room import NamedConstant

_q, _u, _tau, _a, _A, _v = sp.symbols("q u tau a A v", positive=True)
_z0, _u0 = sp.symbols("z_0 u_0", real=True)
_noise, _weights = sp.symbols("xi W")
_Crr, _Css, _Crs = sp.symbols("C_rr C_ss C_rs", real=True)
_phi, _law = sp.Function("phi_q"), sp.Function("P")
_PROJECT = "this project, theory.md"
_COUNT = Interval(0.0, math.inf)
_degree = Assumption("degree", sp.Ge(_q, 2), "the activation has degree q >= 2", "PatchSetting")
_DEGREES = "The formula for all q at once: it is simplified for q = 2, 3, 4, 5, 6, one degree at a time."

CLAIMS: tuple[Claim, ...] = (
    Claim(
        label="lemmas.tensor_power_time",
        statement="For q > 2 tensor power iteration z + A z^(q-1) first reaches the level v after at least T_c "
        "and at most (1 + A v^(q-2))^(q-1) T_c + 1 steps; for q = 2 after at least log(v/z_0)/log(1+A) and at "
        "most one step more.",
        source=Source(_PROJECT, "2.3"),
        marks=(Mark.NEW,),
        quantity="instances whose exact hitting time leaves the bracket",
        natural_range=_COUNT,
        relation=Relation.AT_MOST,
        expression=(_z0 ** (2 - _q) - _v ** (2 - _q)) / (_A * (_q - 2)),
        assumptions=(
            _degree,
            Assumption(
                "growth",
                sp.And(sp.Gt(_z0, 0), sp.Gt(_v, _z0)),
                "the start is above 0 and the level above the start",
                "prediction",
            ),
        ),
        statistical=False,
        silent_about="All instances: those of up to 10^5 steps are sampled, and the two-line proof of theory.md "
        "2.3 covers the rest. The formula is T_c for q > 2.",
    ),
    Claim(
        label="lemmas.odd_symmetry",
        statement="The noise margin V is odd in the noise, whose law is symmetric, so P(V < -c) = P(|V| > c) / 2 "
        "for c >= 0.",
        source=Source(_PROJECT, "2.2.4"),
        marks=(Mark.DERIVED,),
        quantity="terms left in V(-ξ) + V(ξ) after simplification, and integers at which the code differs",
        natural_range=_COUNT,
        relation=Relation.AT_MOST,
        expression=sp.Eq(_phi(-_u), -_phi(_u)),
        assumptions=(_degree,),
        statistical=False,
        silent_about=_DEGREES,
    ),
    Claim(
        label="lemmas.signal_homogeneity",
        statement="Shifting the signal patch along w* scales the signal: Σ phi_q(a u_r) = phi_q(a) U, so the "
        "worst shift of size at most δ within span(w*) is -δ y sgn U.",
        source=Source(_PROJECT, "2.2.1"),
        marks=(Mark.DERIVED,),
        quantity="terms left in Σ phi_q(a u_r) - phi_q(a) U after simplification, and integers at which the code "
        "of the network or of the span adversary differs",
        natural_range=_COUNT,
        relation=Relation.AT_MOST,
        expression=sp.Eq(_phi(_a * _u), _phi(_a) * _phi(_u)),
        assumptions=(_degree,),
        statistical=False,
        silent_about=f"{_DEGREES} Three neurons, every combination of signs.",
    ),
    Claim(
        label="lemmas.gaussian_chaos_variance",
        statement="For q = 3, E[g_r³ g_s³] = 9 C_rr C_ss C_rs + 6 C_rs³, so Var V is a sum of these.",
        source=Source(_PROJECT, "2.2.4"),
        marks=(Mark.DERIVED,),
        quantity="terms left in the difference from the Gaussian moment generating function, and covariances for "
        "which the code's Var V differs",
        natural_range=_COUNT,
        relation=Relation.AT_MOST,
        expression=9 * _Crr * _Css * _Crs + 6 * _Crs**3,
        assumptions=(
            Assumption(
                "fresh point",
                sp.Eq(_law(_noise, _weights), _law(_noise) * _law(_weights)),
                "the noise is independent of the weights",
                "setting: test points are drawn after training",
            ),
        ),
        statistical=False,
    ),
    Claim(
        label="lemmas.common_clock",
        statement="In gradient flow u^(2-q) = u_0^(2-q) - q(q-2)τ solves du/dτ = phi_q'(u) for every neuron with "
        "u_0 > 0 until its blow-up, with one clock τ for all; for q = 2, u = u_0 e^(2τ).",
        source=Source(_PROJECT, "2.2.5"),
        marks=(Mark.DERIVED,),
        quantity="degrees at which (du/dτ) / (q u^(q-1)) is not 1, and neurons that the integrated flow moves by "
        "another clock",
        natural_range=_COUNT,
        relation=Relation.AT_MOST,
        expression=sp.Eq(_u ** (2 - _q), _u0 ** (2 - _q) - _q * (_q - 2) * _tau),
        assumptions=(
            _degree,
            Assumption("positive start", sp.Gt(_u0, 0), "the neuron starts with u_0 > 0", "the draw"),
            Assumption(
                "before the blow-up",
                sp.Lt(_q * (_q - 2) * _tau, _u0 ** (2 - _q)),
                "the clock has not reached the neuron's blow-up",
                "prediction",
            ),
        ),
        statistical=False,
        silent_about="A neuron with u_0 < 0 shrinks: |u|^(2-q) = |u_0|^(2-q) + q(q-2)τ. That descent follows "
        "the flow.",
    ),
)

CONSTANTS: tuple[NamedConstant, ...] = ()
