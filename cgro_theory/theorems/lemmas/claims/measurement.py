"""Checks of the lemmas: identities by sympy, the tensor power bracket by exact and rigorous iteration.

An identity that the code relies on is also asked of that code, in integers, where its arithmetic is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import flint
import numpy as np
import sympy as sp
import torch

from cgro_theory.claims import Evidence, Figure, Interval, Measurement, Prediction
from cgro_theory.numerics.arb import Truth, exact, less, precision
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.adversary import AdversaryName, Victim, span_attack, transfer_attack
from cgro_theory.setting.network import network_output
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import NegativeControl
from cgro_theory.theorems.lemmas.theory.tensor_power import tensor_power_time_bracket
from cgro_theory.theorems.room import Check, CheckedPair, RunRequest
from cgro_theory.trainer.flow_system import FlowSystem
from cgro_theory.trainer.reduction import draw_subspace_problem

LONGEST = 100_000
"""Instances whose bracket allows more steps than this are not sampled: each step is done in ball arithmetic."""


Output = Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]
"""f_W(X) from weights, inputs and the degree, as :func:`network_output`."""
Attack = Callable[[Victim, torch.Tensor, float], torch.Tensor]
"""The attacked inputs from a victim, weights and a radius, as :func:`span_attack`."""
DEGREES = range(2, 7)


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
        output: the network's code.
        attack: the code of the worst shift within span(w*).
    """

    seed: int
    instances: int
    bracket_rate_factor: float = 1.0
    odd: bool = True
    cubic_term: int = 6
    clock_factor: int = 1
    homogeneity_degree: int = 0
    output: Output = network_output
    attack: Attack = span_attack


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
    generator = np.random.default_rng(derived_seed(evidence.seed, "lemmas.tensor_power_time"))
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
    """phi_q(-z) + phi_q(z) = 0 for q = 2..6, on both sides of zero; f_W(-X) = -f_W(X) by the network's code."""
    z = sp.symbols("z", positive=True)

    def activation(sign: int, degree: int) -> sp.Expr:
        return sign * z**degree if evidence.odd else z**degree

    left = sum(sp.simplify(activation(-1, q) + activation(1, q)) != 0 for q in DEGREES)
    made = 0
    for degree in DEGREES:
        weights, inputs = _integers(evidence.seed, degree)
        forward, backward = (evidence.output(weights, sign * inputs, degree)[0] for sign in (1, -1))
        made += int((forward + backward != 0).sum())
        made += sum(
            value != expected
            for value, expected in zip(forward.tolist(), _exact_outputs(weights, inputs, degree), strict=True)
        )
    return _symbolic(left + made, runs=5, made=made)


def check_signal_homogeneity(evidence: LemmaEvidence, failure_probability: float) -> CheckedPair:
    """Σ_r phi_q(a u_r) - phi_q(a) U = 0 for q = 2..6, three neurons and every combination of signs.

    By the network's code: signal patches a w* in integers, and no shift within the radius that lowers the margin
    more than the one that the span adversary makes.
    """
    a, *u = sp.symbols("a u_1:4", positive=True)
    left = made = 0
    for degree in DEGREES:
        power = degree + evidence.homogeneity_degree
        for signs in np.ndindex(2, 2, 2, 2):
            sign_a, *sign_u = [1 - 2 * sign for sign in signs]
            scaled = sum(sign_a * s * (a * x) ** degree for s, x in zip(sign_u, u, strict=True))
            signal = sum(s * x**degree for s, x in zip(sign_u, u, strict=True))
            left += sp.expand(scaled - sign_a * a**power * signal) != 0
        weights, _ = _integers(evidence.seed, degree)
        made += _not_homogeneous(evidence.output, weights, degree)
        made += _beaten_shifts(evidence.attack, weights, degree)
    return _symbolic(left + made, runs=5 * 16, made=made)


POINTS, NEURONS, COORDINATES = 12, 3, 4
RADIUS = 5
"""Of the attack on a signal patch of strength 4: it may turn the patch around."""


def _integers(seed: int, degree: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Small integer weights (1, m, d) and inputs (1, N, P, d): all sums are below 2^53, so float64 is exact."""
    generator = np.random.default_rng(derived_seed(seed, "lemmas.integers", degree))
    weights = generator.integers(-3, 4, (1, NEURONS, COORDINATES))
    inputs = generator.integers(-3, 4, (1, POINTS, 2, COORDINATES))
    return torch.as_tensor(weights, dtype=torch.float64), torch.as_tensor(inputs, dtype=torch.float64)


def _exact_outputs(weights: torch.Tensor, inputs: torch.Tensor, degree: int) -> list[int]:
    """Σ_r Σ_j sgn(z)|z|^q in Python's integers, z = <w_r, X[j]>."""
    rows = [[int(x) for x in row] for row in weights[0].tolist()]
    totals = []
    for point in inputs[0].tolist():
        products = [sum(w * int(x) for w, x in zip(row, patch, strict=True)) for row in rows for patch in point]
        totals.append(sum((1 if z > 0 else -1) * abs(z) ** degree for z in products))
    return totals


def _not_homogeneous(output: Output, weights: torch.Tensor, degree: int) -> int:
    """Integers a for which the output on the patch a w* is not phi_q(a) times that on w*."""
    scales = list(range(-6, 7))
    inputs = torch.zeros(1, len(scales), 1, COORDINATES, dtype=torch.float64)
    inputs[0, :, 0, 0] = torch.tensor(scales, dtype=torch.float64)
    outputs = output(weights, inputs, degree)[0].tolist()
    signal = sum((1 if w > 0 else -1) * abs(int(w)) ** degree for w in weights[0, :, 0].tolist())
    return sum(
        value != (1 if a > 0 else -1) * abs(a) ** degree * signal for a, value in zip(scales, outputs, strict=True)
    )


def _beaten_shifts(attack: Attack, weights: torch.Tensor, degree: int) -> int:
    """Shifts of the signal patch within the radius with a lower margin than the attack's, for all signs."""
    beaten = 0
    for sign in (1.0, -1.0):
        labels = torch.tensor([[1.0, -1.0]], dtype=torch.float64)
        feature = torch.zeros(COORDINATES, dtype=torch.float64)
        feature[0] = 1.0
        is_signal = torch.ones(1, 2, 1, dtype=torch.bool)
        inputs = 4.0 * labels[:, :, None, None] * feature
        victim = Victim(inputs, labels, is_signal, feature, 4.0, degree)
        worst = labels * network_output(sign * weights, attack(victim, sign * weights, float(RADIUS)), degree)
        for shift in range(-RADIUS, RADIUS + 1):
            moved = inputs + shift * labels[:, :, None, None] * feature
            beaten += int((labels * network_output(sign * weights, moved, degree) < worst).sum())
    return beaten


def check_gaussian_chaos_variance(evidence: LemmaEvidence, failure_probability: float) -> CheckedPair:
    """The sixth derivative of the moment generating function exp(½ tᵀCt) at 0 against the formula."""
    s, t, c_rr, c_ss, c_rs = sp.symbols("s t C_rr C_ss C_rs")
    # The sixth-order part of exp(x) with x quadratic is x³/6; its s³t³ coefficient times 3!3! is the moment.
    sixth = sp.expand((c_rr * s**2 / 2 + c_rs * s * t + c_ss * t**2 / 2) ** 3 / 6)
    moment = sixth.coeff(s, 3).coeff(t, 3) * sp.factorial(3) ** 2
    difference = sp.expand(moment - (9 * c_rr * c_ss * c_rs + evidence.cubic_term * c_rs**3))
    left = 0 if difference == 0 else len(sp.Add.make_args(difference))
    made = _wrong_variances(evidence)
    return _symbolic(left + made, runs=1, made=made)


def _wrong_variances(evidence: LemmaEvidence) -> int:
    """Covariances for which the code's Var V is not J Σ_rs of the formula, up to its quadrature's rounding."""
    generator, wrong = np.random.default_rng(derived_seed(evidence.seed, "lemmas.variance")), 0
    for patches in (1, 2, 3):
        factor = generator.standard_normal((4, 4))
        c = factor @ factor.T
        formula = 9 * np.outer(np.diag(c), np.diag(c)) * c + evidence.cubic_term * c**3
        expected = patches * float(formula.sum())
        wrong += not abs(NoiseMarginLaw(c, 3, patches).variance - expected) <= 1e-11 * float(np.abs(formula).sum())
    return wrong


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
    made = sum(_clocks_apart(degree, evidence) for degree in DEGREES)
    return _symbolic(left + made, runs=6, made=made)


def _clocks_apart(degree: int, evidence: LemmaEvidence) -> int:
    """Neurons that the flow that is integrated moves by another clock than the first, beyond rounding."""
    setting = PatchSetting.version_1(400, num_samples=3, width=5, degree=degree, attacked_signal_fraction=0.3)
    seed = derived_seed(evidence.seed, "lemmas.common_clock", degree)
    system = FlowSystem(draw_subspace_problem(setting, (seed,)), 0, AdversaryName.TRANSFER)
    speeds, _ = system.split(system.derivative(system.initial))
    u, _ = system.split(system.initial)
    clocks = evidence.clock_factor * speeds / (degree * np.abs(u) ** (degree - 1))
    told = speeds[0] / (degree * abs(u[0]) ** (degree - 1))
    return int((np.abs(clocks - told) > 64 * np.finfo(float).eps * abs(told)).sum())


def _nothing_left() -> Prediction:
    return Prediction(Interval.point(0.0), leading_order=0.0)


def _symbolic(left: int, runs: int, made: int) -> CheckedPair:
    """``left``: all that differs; ``made``: of it, by the code that runs use."""
    value, notes = float(left), (("differences in the code", float(made)),)
    measurement = Measurement(value, Interval.point(value), 1.0, runs, Evidence.SYMBOLIC, notes=notes)
    return CheckedPair(_nothing_left(), measurement)


def _even_output(weights: torch.Tensor, inputs: torch.Tensor, degree: int) -> torch.Tensor:
    preactivations = torch.einsum("rmd,rnpd->rnpm", weights, inputs)
    return (preactivations.abs() ** degree).sum(dim=(-1, -2))


def _bent_output(weights: torch.Tensor, inputs: torch.Tensor, degree: int) -> torch.Tensor:
    linear = torch.einsum("rmd,rnpd->rnpm", weights, inputs).sum(dim=(-1, -2))
    return network_output(weights, inputs, degree) + linear


def _fault(name: str, description: str, **changed: Any) -> NegativeControl:
    change: Callable[[LemmaEvidence], LemmaEvidence] = lambda evidence: replace(evidence, **changed)  # noqa: E731
    return NegativeControl(name, description, change)


CHECKS: Mapping[str, Check] = {
    "lemmas.tensor_power_time": check_tensor_power_time,
    "lemmas.odd_symmetry": check_odd_symmetry,
    "lemmas.signal_homogeneity": check_signal_homogeneity,
    "lemmas.gaussian_chaos_variance": check_gaussian_chaos_variance,
    "lemmas.common_clock": check_common_clock,
}

FAULTS: Mapping[str, tuple[NegativeControl, ...]] = {
    "lemmas.tensor_power_time": (
        _fault("rate_halved", "the bracket is told half the rate", bracket_rate_factor=0.5),
        _fault("rate_raised", "the bracket is told a rate 1.5 times too large", bracket_rate_factor=1.5),
    ),
    "lemmas.odd_symmetry": (
        _fault("even_activation", "|z|^q in place of sgn(z)|z|^q", odd=False),
        _fault("even_network", "the network's code with |z|^q", output=_even_output),
    ),
    "lemmas.signal_homogeneity": (
        _fault("wrong_degree", "phi_{q+1}(a) in place of phi_q(a)", homogeneity_degree=1),
        _fault("other_network", "the network's code with phi_q(z) + z", output=_bent_output),
        _fault(
            "other_attack",
            "the adversary subtracts the shift whatever the sign of U",
            attack=lambda victim, weights, radius: transfer_attack(victim, radius),
        ),
    ),
    "lemmas.gaussian_chaos_variance": (
        _fault("missing_pairings", "coefficient 3 in place of 6 of C_rs³", cubic_term=3),
    ),
    "lemmas.common_clock": (_fault("clock_doubled", "2 q (q-2) τ in place of q (q-2) τ", clock_factor=2),),
}
