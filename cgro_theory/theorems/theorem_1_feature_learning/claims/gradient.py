"""One step of training is the step of the recursions (theory.md 2.2.2)."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial
from typing import Any

import sympy as sp

from cgro_theory.claims import (
    Claim,
    Evidence,
    Interval,
    Measurement,
    Prediction,
    Provenance,
    Relation,
    Source,
    Tally,
)
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong

from ..runs.identity import (
    Moves,
    Recursions,
    SymbolicProblem,
    gradient_residuals,
    loss_slope_residual,
    stated_recursions,
)
from ..runs.one_step import Step, engine_differences, one_step
from .symbols import PROJECT, TIME, eta, q

IDENTITY = Claim(
    label="theorem_1.gradient_identity",
    statement="One step of gradient descent on L moves the feature projections u_r and v_ijr by their recursions.",
    source=Source(PROJECT, "2.2.2"),
    provenance=(Provenance.DERIVED,),
    quantity="projections of -∇L that differ from the recursions, as symbols and in one step of the engines",
    natural_range=TIME,
    relation=Relation.AT_MOST,
    expression=sp.Eq(
        sp.Symbol("du_r", real=True),
        eta * q * sp.Abs(sp.Symbol("u_r", real=True)) ** (q - 1) * sp.Symbol("g", real=True),
    ),
    statistical=False,
    limitations="The formula is that of u_r; v_ijr has its own (theory.md 2.2.2). Symbolic for q = 2, 3, 4, "
    "two neurons and two points (even q: a sample of sign patterns); the engines that train are asked for one "
    "step of two points and two neurons, to rounding.",
)

DEGREES = (2, 3, 4)
"""q of the problems whose gradient is compared as symbols."""
STEPS = ((2, 1), (3, 1), (4, 1), (3, 2))
"""(q, J) of the problems on which the code that trains is asked for one step."""
STEP_SEED = 0
"""Seed of those problems: any will do, as nothing is averaged."""


def check_gradient_identity(
    runs: Any,
    failure_probability: float,
    *,
    recursions: Recursions = stated_recursions,
    step: Step = one_step,
    noise_patches: tuple[int, ...] = (1, 2),
) -> CheckedPair:
    """Every projection of -∇L against the recursions, as symbols and in one step of every engine that trains."""
    left = int(loss_slope_residual() != 0)
    compared = list(itertools.product(DEGREES, noise_patches))
    left += sum(gradient_residuals(degree, 2, 2, patches, recursions) for degree, patches in compared)
    made = sum(engine_differences(step, *sizes, STEP_SEED) for sizes in STEPS)
    value = float(left + made)
    measurement = Measurement(
        estimate=value,
        interval=Interval.point(value),
        confidence=1.0,
        runs=len(compared) + len(STEPS),
        evidence=Evidence.SYMBOLIC,
        notes=(("projections moved otherwise by an engine", float(made)),),
        raw=Tally((("symbolic", left), ("in the engines", made)), len(compared) + len(STEPS)),
    )
    return CheckedPair(Prediction(Interval.point(0.0), leading_order=0.0), measurement)


def _lower_slope(problem: SymbolicProblem) -> Moves:
    signal, noise = stated_recursions(problem)
    share = sp.Rational(problem.degree - 1, problem.degree)
    return [share * move for move in signal], [[share * move for move in row] for row in noise]


def _without_labels(problem: SymbolicProblem) -> Moves:
    return stated_recursions(replace(problem, labels=(1,) * len(problem.labels)))


def _attacked_once_more(problem: SymbolicProblem) -> Moves:
    power = sp.Rational(problem.degree + 1, problem.degree)
    return stated_recursions(replace(problem, attacked_gain=problem.attacked_gain**power))


def _control(name: str, description: str, recursions: Recursions) -> NegativeControl:
    """Wrong recursions, with one noise patch each: more would take sympy half a minute."""
    check = partial(check_gradient_identity, recursions=recursions, noise_patches=(1,))
    return NegativeControl(name, description, check=check)


CHECKED = (
    CheckedClaim(
        IDENTITY,
        check_gradient_identity,
        (
            _control("slope_factor", "q - 1 in place of q in φ_q'", _lower_slope),
            _control("labels_dropped", "y_k missing from the noise recursion", _without_labels),
            _control("attacked_gain", "(κα)^(q+1) in place of (κα)^q", _attacked_once_more),
            with_wrong(
                "ascent",
                "the engines train with the wrong sign",
                step=lambda problem, rate: one_step(problem, -rate),
            ),
        ),
    ),
)
