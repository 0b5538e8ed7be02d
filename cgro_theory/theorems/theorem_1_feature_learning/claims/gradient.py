"""One step of training is the step of the recursions (theory.md 2.2.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy as sp

from cgro_theory.claims import Claim, Provenance, Relation, Source
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong
from cgro_theory.theorems.lemmas.claims.identities import CODE_BESIDE, symbolic_pair

from ..runs.identity import (
    SLOPES,
    Moves,
    Recursions,
    SignedPower,
    SymbolicProblem,
    gradient_residuals,
    signed_power,
    stated_recursions,
    wrong_slopes,
)
from ..runs.one_step import Step, engine_differences, one_step
from .symbols import PROJECT, TIME, eta, q

IDENTITY = Claim(
    label="theorem_1.gradient_identity",
    statement="For two neurons and two points, with one and with two noise patches in a plane, one step of "
    "gradient descent on L moves the feature projections u_r and v_ijr by their recursions, for every degree q.",
    source=Source(PROJECT, "2.2.2"),
    provenance=(Provenance.DERIVED,),
    quantity="projections of -∇L that differ from the recursions, and rules of differentiation that fail, as "
    "symbols (and projections moved otherwise by one step of the engines)",
    natural_range=TIME,
    relation=Relation.AT_MOST,
    expression=sp.Eq(
        sp.Symbol("du_r", real=True),
        eta * q * sp.Abs(sp.Symbol("u_r", real=True)) ** (q - 1) * sp.Symbol("g", real=True),
    ),
    statistical=False,
    limitations="The formula is that of u_r; v_ijr has its own. Other sizes, which add terms of the same kinds "
    f"(theory.md 2.2.2 derives both for all). {CODE_BESIDE} It takes one step with every training engine, to "
    "rounding.",
)

SIZES = ((2, 2, 1), (2, 2, 2))
"""(m, N, J) of the problems whose gradient is compared as symbols."""
STEPS = ((2, 1), (3, 1), (4, 1), (3, 2))
"""(q, J) of the problems on which the code that trains is asked for one step."""
STEP_SEED = 0
"""Seed of those problems: any will do, as nothing is averaged."""


def check_gradient_identity(
    runs: Any,
    failure_probability: float,
    *,
    recursions: Recursions = stated_recursions,
    power: SignedPower = signed_power,
    step: Step = one_step,
) -> CheckedPair:
    """Every projection of -∇L against the recursions, as symbols; beside it one step of every training engine."""
    left = wrong_slopes(power) + sum(gradient_residuals(*size, recursions) for size in SIZES)
    made = sum(engine_differences(step, *sizes, STEP_SEED) for sizes in STEPS)
    compared = SLOPES + sum(width * (1 + samples * patches) for width, samples, patches in SIZES)
    return symbolic_pair(left, made, compared)


def _lower_slope(problem: SymbolicProblem) -> Moves:
    signal, noise = stated_recursions(problem)
    share = (problem.degree - 1) / problem.degree
    return [share * move for move in signal], [[share * move for move in row] for row in noise]


def _without_labels(problem: SymbolicProblem) -> Moves:
    return stated_recursions(replace(problem, labels=(1,) * len(problem.labels)))


def _attacked_once_more(problem: SymbolicProblem) -> Moves:
    power = (problem.degree + 1) / problem.degree
    return stated_recursions(replace(problem, attacked_gain=problem.attacked_gain**power))


CHECKED = (
    CheckedClaim(
        IDENTITY,
        check_gradient_identity,
        (
            with_wrong("slope_factor", "q - 1 in place of q in φ_q'", recursions=_lower_slope),
            with_wrong("labels_dropped", "y_k missing from the noise recursion", recursions=_without_labels),
            with_wrong("attacked_gain", "(κα)^(q+1) in place of (κα)^q", recursions=_attacked_once_more),
            with_wrong(
                "sign_dropped", "|z|^q in place of sgn(z)|z|^q", power=lambda sign, size, degree: size**degree
            ),
            with_wrong(
                "ascent",
                "the engines train with the wrong sign",
                step=lambda problem, rate: one_step(problem, -rate),
            ),
        ),
    ),
)
