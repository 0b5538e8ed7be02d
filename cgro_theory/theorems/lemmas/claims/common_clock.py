"""All signal projections move by one clock (theory.md 2.2.5), in the closed form and where a flow begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from cgro_theory.claims import Claim, Provenance, Relation, Source, StatedAssumption
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong
from cgro_theory.trainer.compiled_flow import flow_system
from cgro_theory.trainer.reduction import draw_subspace_problem

from ..runs.hitting_times import LemmaRuns
from ..theory.common_clock import clock_between
from ..theory.tensor_power import DEGREE
from .identities import CODE_BESIDE, COUNT, DEGREES, PROJECT, symbolic_pair

_q, _u, _u0, _tau = sp.symbols("q u u_0 tau", real=True)


def clock_rate(q: Any) -> Any:
    """How much u^(2-q) falls per unit of the clock; for q = 2, how much log u grows."""
    return 2 if q == 2 else q * (q - 2)


COMMON_CLOCK = Claim(
    label="lemmas.common_clock",
    statement="In gradient flow u^(2-q) = u_0^(2-q) - q(q-2)τ solves du/dτ = phi_q'(u) for every neuron with "
    "u_0 > 0 until its blow-up, with one clock τ for all; for q = 2, u = u_0 e^(2τ).",
    source=Source(PROJECT, "2.2.5"),
    provenance=(Provenance.DERIVED,),
    quantity="degrees at which (du/dτ) / (q u^(q-1)) is not 1 (and neurons that a flow's code begins to move by "
    "another clock)",
    natural_range=COUNT,
    relation=Relation.AT_MOST,
    expression=sp.Eq(_u ** (2 - _q), _u0 ** (2 - _q) - clock_rate(_q) * _tau),
    assumptions=(
        DEGREE,
        StatedAssumption(
            "positive start", "the neuron starts with u_0 > 0", "the check, whose symbol u_0 is positive"
        ),
        StatedAssumption(
            "before the blow-up",
            "the clock has not reached the neuron's blow-up: q(q-2)τ < u_0^(2-q)",
            "the check, whose symbol for their difference is positive",
        ),
    ),
    statistical=False,
    limitations="A neuron with u_0 < 0 shrinks: |u|^(2-q) = |u_0|^(2-q) + q(q-2)τ. That descent follows the flow. "
    + CODE_BESIDE,
)


def check_common_clock(
    runs: LemmaRuns, failure_probability: float, rate: Callable[[Any], Any] = clock_rate
) -> CheckedPair:
    """The logarithm of (du/dτ) / phi_q'(u) along the closed form is 0, for q = 2..6 and for symbolic q.

    Beside it the derivative of one flow per degree is asked for, where it begins.
    """
    start, tau = sp.symbols("u_0 tau", positive=True)
    left = 0
    for degree in (*map(sp.Integer, DEGREES), sp.symbols("q", positive=True)):
        if degree == 2:
            solution = start * sp.exp(rate(2) * tau)
            ratio = sp.diff(solution, tau) / (2 * solution)
        else:
            base = sp.symbols("B", positive=True)  # u_0^(2-q) - q (q-2) τ, positive before the blow-up
            solution = base ** (-1 / (degree - 2))
            ratio = sp.diff(solution, base) * -rate(degree) / (degree * solution ** (degree - 1))
        left += sp.simplify(sp.expand_log(sp.log(ratio), force=True)) != 0
    made = sum(_clocks_apart(degree, runs.seed) for degree in DEGREES)
    return symbolic_pair(left, made, 6, DEGREES)


def _clocks_apart(degree: int, seed: int) -> int:
    """Neurons that a flow's derivative, at time 0, moves by another clock than the first, beyond rounding."""
    setting = PatchSetting.version_1(400, num_samples=3, width=5, degree=degree, attacked_signal_fraction=0.3)
    problem = draw_subspace_problem(setting, (derived_seed(seed, "lemmas.common_clock", degree),))
    system = flow_system(problem, 0, AdversaryName.TRANSFER)
    speeds, _ = system.split(system.derivative(system.initial))
    u, _ = system.split(system.initial)
    clocks = speeds / (degree * np.abs(u) ** (degree - 1))
    return int((np.abs(clocks - clocks[0]) > 64 * np.finfo(float).eps * abs(clocks[0])).sum())


CHECKED = (
    CheckedClaim(
        COMMON_CLOCK,
        check_common_clock,
        controls=(
            with_wrong("clock_doubled", "2 q (q-2) τ in place of q (q-2) τ", rate=lambda q: 2 * clock_rate(q)),
        ),
        numeric=lambda u, u_0, q: float(clock_between(np.array(u_0), np.array(u), q)),
    ),
)
