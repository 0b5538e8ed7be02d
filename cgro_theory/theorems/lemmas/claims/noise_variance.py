"""The variance of the noise margin for q = 3 (theory.md 2.2.4), against the moment generating function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from cgro_theory.claims import Claim, Provenance, Relation, Source, StatedAssumption
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw, activation_covariance
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong

from ..runs.hitting_times import LemmaRuns
from .identities import CODE_BESIDE, COUNT, PROJECT, symbolic_pair

Moment = Callable[[Any, Any, Any], Any]


def sixth_moment(c_rr: Any, c_ss: Any, c_rs: Any) -> Any:
    """E[g_r³ g_s³] of centred normal variables from their covariances: expressions, numbers or arrays."""
    return 9 * c_rr * c_ss * c_rs + 6 * c_rs**3


GAUSSIAN_CHAOS_VARIANCE = Claim(
    label="lemmas.gaussian_chaos_variance",
    statement="For q = 3, E[g_r³ g_s³] = 9 C_rr C_ss C_rs + 6 C_rs³, so Var V is a sum of these.",
    source=Source(PROJECT, "2.2.4"),
    provenance=(Provenance.DERIVED,),
    quantity="terms left in the difference from the Gaussian moment generating function (and covariances for "
    "which the code's Var V differs)",
    natural_range=COUNT,
    relation=Relation.AT_MOST,
    expression=sp.Eq(
        sp.Symbol("Cov_rs", real=True), sixth_moment(*sp.symbols("C_rr C_ss C_rs", real=True)), evaluate=False
    ),
    assumptions=(
        StatedAssumption(
            "fresh point",
            "the noise is independent of the weights",
            "the setting: test points are drawn after training",
        ),
    ),
    statistical=False,
    limitations=CODE_BESIDE,
)


def check_gaussian_chaos_variance(
    runs: LemmaRuns, failure_probability: float, moment: Moment = sixth_moment
) -> CheckedPair:
    """The sixth derivative of the moment generating function exp(½ tᵀCt) at 0 against the formula.

    Beside it the code's Var V is computed for three covariances.
    """
    s, t, c_rr, c_ss, c_rs = sp.symbols("s t C_rr C_ss C_rs")
    # The sixth-order part of exp(x) with x quadratic is x³/6; its s³t³ coefficient times 3!3! is the moment.
    sixth = sp.expand((c_rr * s**2 / 2 + c_rs * s * t + c_ss * t**2 / 2) ** 3 / 6)
    difference = sp.expand(sixth.coeff(s, 3).coeff(t, 3) * sp.factorial(3) ** 2 - moment(c_rr, c_ss, c_rs))
    left = 0 if difference == 0 else len(sp.Add.make_args(difference))
    return symbolic_pair(left, _wrong_variances(runs.seed, moment), 1)


def _wrong_variances(seed: int, moment: Moment) -> int:
    """Covariances for which the code's Var V is not J Σ_rs of the formula, up to its quadrature's rounding."""
    generator, wrong = np.random.default_rng(derived_seed(seed, "lemmas.variance")), 0
    for patches in (1, 2, 3):
        factor = generator.standard_normal((4, 4))
        c = factor @ factor.T
        formula = moment(np.diag(c)[:, None], np.diag(c), c)
        expected = patches * float(formula.sum())
        wrong += not abs(NoiseMarginLaw(c, 3, patches).variance - expected) <= 1e-11 * float(np.abs(formula).sum())
    return wrong


def _covariance(C_rr: float, C_ss: float, C_rs: float) -> float:
    return float(activation_covariance(np.array([[C_rr, C_rs], [C_rs, C_ss]]), 3)[0, 1])


CHECKED = (
    CheckedClaim(
        GAUSSIAN_CHAOS_VARIANCE,
        check_gaussian_chaos_variance,
        controls=(
            with_wrong(
                "missing_pairings",
                "coefficient 3 in place of 6 of C_rs³",
                moment=lambda c_rr, c_ss, c_rs: sixth_moment(c_rr, c_ss, c_rs) - 3 * c_rs**3,
            ),
        ),
        numeric=_covariance,
    ),
)
