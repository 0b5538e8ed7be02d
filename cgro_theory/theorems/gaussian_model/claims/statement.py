"""The robust error of a linear classifier in the Gaussian model, as a claim. Needs sympy only."""

from __future__ import annotations

import sympy as sp

from cgro_theory.claims import Assumption, Claim, Interval, Mark, Relation, Source
from cgro_theory.theorems.room import NamedConstant

_radius, _sigma = sp.symbols("epsilon sigma", positive=True)
_w_theta, _w_one, _w_two = sp.symbols("w_theta w_1 w_2", real=True)
_Phi = sp.Function("Phi")

CLAIMS: tuple[Claim, ...] = (
    Claim(
        label="gaussian_model.robust_error",
        statement="For x = yθ + N(0, σ² I) the classifier sgn<w, x> has l_inf robust error "
        "Φ((ε‖w‖₁ - <w, θ>)/(σ‖w‖₂)).",
        source=Source("Schmidt, Santurkar, Tsipras, Talwar and Mądry, arXiv 1804.11285", "the Gaussian model"),
        marks=(Mark.DERIVED,),
        quantity="attacked error rate that is farthest from its formula, over models and classifiers",
        natural_range=Interval(0.0, 1.0),
        relation=Relation.EQUALS,
        tolerance=0.01,
        expression=_Phi((_radius * _w_one - _w_theta) / (_sigma * _w_two)),
        assumptions=(Assumption("classifier", sp.Gt(_w_two, 0), "w is not 0", "the prediction"),),
        silent_about="Low dimension, where every corner of the attack's cube can be tried; the formula holds in "
        "any.",
    ),
)

CONSTANTS: tuple[NamedConstant, ...] = (
    NamedConstant("tolerance", "0.01", "fixed before the first run; 200,000 points resolve it, 60,000 did not"),
)
