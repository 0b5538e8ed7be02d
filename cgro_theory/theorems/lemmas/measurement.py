"""Checks of the lemmas: identities by sympy, the tensor power bracket by exact and rigorous iteration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import flint
import numpy as np
import sympy as sp

from cgro_theory.claims import Evidence, Figure, Interval, Measurement, Prediction
from cgro_theory.numerics.arb import Truth, exact, less, precision
from cgro_theory.theorems.lemmas.tensor_power import tensor_power_time_bracket
from cgro_theory.theorems.room import Check, CheckedPair, PlantedFault, RunRequest

LONGEST = 100_000
"""Instances whose bracket allows more steps than this are not sampled: each step is done in ball arithmetic."""


@dataclass(frozen=True)
class LemmaEvidence:
    """What the checks look at; a planted fault changes one field.

    Attributes:
        seed: of the sampled instances.
        instances: how many tensor power iterations to run.
        bracket_rate_factor: multiplies the rate that the bracket is told (1 is right).
        odd: whether the activation is odd, as it is, or even.
        cubic_term: coefficient of C_rs³ in the variance formula (6 is right).
        clock_factor: coefficient of (q-2) τ over q in the closed form (1 is right).
        homogeneity_degree: added to q in phi_q(a) (0 is right).
    """

    seed: int
    instances: int
    bracket_rate_factor: float = 1.0
    odd: bool = True
    cubic_term: int = 6
    clock_factor: int = 1
    homogeneity_degree: int = 0


def gather(request: RunRequest) -> LemmaEvidence:
    """The lemmas need no training run."""
    return LemmaEvidence(request.seed, 60 if request.profile == "quick" else 600)


def figures(evidence: LemmaEvidence) -> tuple[Figure, ...]:
    """None."""
    return ()


def parameters(evidence: LemmaEvidence) -> dict[str, Any]:
    """How many instances were sampled."""
    return {"lemmas.tensor_power_instances": evidence.instances}


def hitting_time(initial: str, rate: str, level: str, degree: int, most: int = 200_000) -> int | None:
    """The first T with z_T >= level of z + A z^(q-1), by rigorous ball arithmetic; None when undecided.

    The three numbers are decimal strings and enter exactly; 200 bits are plenty for 10^5 steps.
    """
    with precision(200):
        value: flint.arb = exact(initial)
        factor, target = exact(rate), exact(level)
        for step in range(most):
            below = less(value, target)
            if below is Truth.UNKNOWN:
                return None
            if below is Truth.FALSE:
                return step
            value = value + factor * value ** (degree - 1)
    return None


def check_tensor_power_time(evidence: LemmaEvidence, failure_probability: float) -> CheckedPair:
    """Count the sampled instances whose rigorous hitting time leaves the bracket."""
    generator = np.random.default_rng(evidence.seed)
    outside = done = 0
    while done < evidence.instances:
        degree = int(generator.integers(2, 7))
        initial = f"{generator.uniform(0.05, 0.9):.4f}"
        level = f"{float(initial) * generator.uniform(1.05, 6.0):.4f}"
        rate = f"{10 ** generator.uniform(-2.0, 0.0):.5f}"
        if (
            tensor_power_time_bracket(float(initial), float(level), float(rate), float(rate), degree).high
            > LONGEST
        ):
            continue
        done += 1
        told = float(rate) * evidence.bracket_rate_factor
        bracket = tensor_power_time_bracket(float(initial), float(level), told, told, degree)
        time = hitting_time(initial, rate, level, degree)
        if time is None:
            return CheckedPair(_nothing_left(), Measurement.failed("a hitting time could not be decided"))
        outside += not bracket.low <= time <= bracket.high
    measurement = Measurement(
        estimate=float(outside),
        interval=Interval.point(float(outside)),
        confidence=1.0,
        runs=evidence.instances,
        evidence=Evidence.STATISTICAL,
    )
    return CheckedPair(_nothing_left(), measurement)


def check_odd_symmetry(evidence: LemmaEvidence, failure_probability: float) -> CheckedPair:
    """phi_q(-z) + phi_q(z) = 0 for q = 2..6, on both sides of zero."""
    z = sp.symbols("z", positive=True)

    def activation(sign: int, degree: int) -> sp.Expr:
        return sign * z**degree if evidence.odd else z**degree

    return _symbolic(sum(sp.simplify(activation(-1, q) + activation(1, q)) != 0 for q in range(2, 7)), runs=5)


def check_signal_homogeneity(evidence: LemmaEvidence, failure_probability: float) -> CheckedPair:
    """Σ_r phi_q(a u_r) - phi_q(a) U = 0 for q = 2..6, three neurons and every combination of signs."""
    a, *u = sp.symbols("a u_1:4", positive=True)
    left = 0
    for degree in range(2, 7):
        power = degree + evidence.homogeneity_degree
        for signs in np.ndindex(2, 2, 2, 2):
            sign_a, *sign_u = [1 - 2 * sign for sign in signs]
            scaled = sum(sign_a * s * (a * x) ** degree for s, x in zip(sign_u, u, strict=True))
            signal = sum(s * x**degree for s, x in zip(sign_u, u, strict=True))
            left += sp.expand(scaled - sign_a * a**power * signal) != 0
    return _symbolic(left, runs=5 * 16)


def check_gaussian_chaos_variance(evidence: LemmaEvidence, failure_probability: float) -> CheckedPair:
    """The sixth derivative of the moment generating function exp(½ tᵀCt) at 0 against the formula."""
    s, t, c_rr, c_ss, c_rs = sp.symbols("s t C_rr C_ss C_rs")
    # The sixth-order part of exp(x) with x quadratic is x³/6; its s³t³ coefficient times 3!3! is the moment.
    sixth = sp.expand((c_rr * s**2 / 2 + c_rs * s * t + c_ss * t**2 / 2) ** 3 / 6)
    moment = sixth.coeff(s, 3).coeff(t, 3) * sp.factorial(3) ** 2
    difference = sp.expand(moment - (9 * c_rr * c_ss * c_rs + evidence.cubic_term * c_rs**3))
    return _symbolic(0 if difference == 0 else len(sp.Add.make_args(difference)), runs=1)


def check_common_clock(evidence: LemmaEvidence, failure_probability: float) -> CheckedPair:
    """The logarithm of (du/dτ) / phi_q'(u) along the closed form is 0, for q = 2..6 and for symbolic q."""
    start, tau = sp.symbols("u_0 tau", positive=True)
    symbolic_q = sp.symbols("q", positive=True)
    left = 0
    for degree in (sp.Integer(2), *map(sp.Integer, range(3, 7)), symbolic_q):
        if degree == 2:
            solution = start * sp.exp(2 * evidence.clock_factor * tau)
            ratio = sp.diff(solution, tau) / (2 * solution)
        else:
            base = sp.symbols("B", positive=True)  # u_0^(2-q) - q (q-2) τ, positive before the blow-up
            slope = -degree * (degree - 2) * evidence.clock_factor
            solution = base ** (-1 / (degree - 2))
            ratio = sp.diff(solution, base) * slope / (degree * solution ** (degree - 1))
        left += sp.simplify(sp.expand_log(sp.log(ratio), force=True)) != 0
    return _symbolic(left, runs=6)


def _nothing_left() -> Prediction:
    return Prediction(Interval.point(0.0), leading_order=0.0)


def _symbolic(left: int, runs: int) -> CheckedPair:
    value = float(left)
    measurement = Measurement(value, Interval.point(value), 1.0, runs, Evidence.SYMBOLIC)
    return CheckedPair(_nothing_left(), measurement)


def _fault(name: str, description: str, **changed: Any) -> PlantedFault:
    change: Callable[[LemmaEvidence], LemmaEvidence] = lambda evidence: replace(evidence, **changed)  # noqa: E731
    return PlantedFault(name, description, change)


CHECKS: Mapping[str, Check] = {
    "lemmas.tensor_power_time": check_tensor_power_time,
    "lemmas.odd_symmetry": check_odd_symmetry,
    "lemmas.signal_homogeneity": check_signal_homogeneity,
    "lemmas.gaussian_chaos_variance": check_gaussian_chaos_variance,
    "lemmas.common_clock": check_common_clock,
}

FAULTS: Mapping[str, tuple[PlantedFault, ...]] = {
    "lemmas.tensor_power_time": (
        _fault("rate_halved", "the bracket is told half the rate", bracket_rate_factor=0.5),
        _fault("rate_raised", "the bracket is told a rate 1.5 times too large", bracket_rate_factor=1.5),
    ),
    "lemmas.odd_symmetry": (_fault("even_activation", "|z|^q in place of sgn(z)|z|^q", odd=False),),
    "lemmas.signal_homogeneity": (
        _fault("wrong_degree", "phi_{q+1}(a) in place of phi_q(a)", homogeneity_degree=1),
    ),
    "lemmas.gaussian_chaos_variance": (
        _fault("missing_pairings", "coefficient 3 in place of 6 of C_rs³", cubic_term=3),
    ),
    "lemmas.common_clock": (_fault("clock_doubled", "2 q (q-2) τ in place of q (q-2) τ", clock_factor=2),),
}
