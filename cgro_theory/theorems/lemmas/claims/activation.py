"""The activation is odd and homogeneous (theory.md 2.2.1 and 2.2.4), and so is the network's code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp
import torch

from cgro_theory.claims import Claim, Provenance, Relation, Source
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.adversary import Victim, span_attack, transfer_attack
from cgro_theory.setting.network import network_output
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong

from ..runs.hitting_times import LemmaRuns
from ..theory.tensor_power import DEGREE
from .identities import CODE_BESIDE, COUNT, DEGREES, PROJECT, symbolic_pair

Output = Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]
"""f_W(X) from weights, inputs and the degree, as :func:`network_output`."""
Attack = Callable[[Victim, torch.Tensor, float], torch.Tensor]
"""The attacked inputs from a victim, weights and a radius, as :func:`span_attack`."""
SignedPower = Callable[[int, sp.Expr, sp.Expr], sp.Expr]

POINTS, NEURONS, COORDINATES = 12, 3, 4
RADIUS = 5
"""Of the attack on a signal patch of strength 4: it may turn the patch around."""

_a, _u = sp.symbols("a u", real=True)
_phi = sp.Function("phi_q")
_EVERY_DEGREE = (*map(sp.Integer, DEGREES), sp.symbols("q", positive=True))


def signed_power(sign: int, size: sp.Expr, degree: sp.Expr) -> sp.Expr:
    """phi_q(sign · size) for a size > 0."""
    return sign * size**degree


# --- odd ------------------------------------------------------------------------------------------------------

ODD_SYMMETRY = Claim(
    label="lemmas.odd_symmetry",
    statement="The noise margin V is odd in the noise, whose law is symmetric, so P(V < -c) = P(|V| > c) / 2 "
    "for c >= 0.",
    source=Source(PROJECT, "2.2.4"),
    provenance=(Provenance.DERIVED,),
    quantity="degrees at which phi_q(-z) + phi_q(z) does not simplify to 0 (and integers at which the code "
    "differs)",
    natural_range=COUNT,
    relation=Relation.AT_MOST,
    expression=sp.Eq(_phi(-_u), -_phi(_u)),
    assumptions=(DEGREE,),
    statistical=False,
    limitations=CODE_BESIDE,
)


def check_odd_symmetry(
    runs: LemmaRuns, failure_probability: float, phi: SignedPower = signed_power, output: Output = network_output
) -> CheckedPair:
    """phi_q(-z) + phi_q(z) = 0 for q = 2..6 and for symbolic q; beside it f_W(-X) = -f_W(X) by the network's code.

    V is a sum of phi_q of preactivations, so it is odd when they are.
    """
    z = sp.symbols("z", positive=True)
    left = sum(sp.simplify(phi(-1, z, q) + phi(1, z, q)) != 0 for q in _EVERY_DEGREE)
    made = 0
    for degree in DEGREES:
        weights, inputs = _integers(runs.seed, degree)
        forward, backward = (output(weights, sign * inputs, degree)[0] for sign in (1, -1))
        made += int((forward + backward != 0).sum())
        exact = _exact_outputs(weights, inputs, degree)
        made += sum(value != expected for value, expected in zip(forward.tolist(), exact, strict=True))
    return symbolic_pair(left, made, len(_EVERY_DEGREE), DEGREES)


def _even_output(weights: torch.Tensor, inputs: torch.Tensor, degree: int) -> torch.Tensor:
    preactivations = torch.einsum("rmd,rnpd->rnpm", weights, inputs)
    return (preactivations.abs() ** degree).sum(dim=(-1, -2))


# --- homogeneous ----------------------------------------------------------------------------------------------

SIGNAL_HOMOGENEITY = Claim(
    label="lemmas.signal_homogeneity",
    statement="Shifting the signal patch along w* scales the signal: Σ phi_q(a u_r) = phi_q(a) U, so the "
    "worst shift of size at most δ within span(w*) is -δ y sgn U.",
    source=Source(PROJECT, "2.2.1"),
    provenance=(Provenance.DERIVED,),
    quantity="signs and degrees at which Σ phi_q(a u_r) - phi_q(a) U does not simplify to 0 or phi_q does not "
    "grow (and integers at which the code of the network or of the span adversary differs)",
    natural_range=COUNT,
    relation=Relation.AT_MOST,
    expression=sp.Eq(_phi(_a * _u), _phi(_a) * _phi(_u)),
    assumptions=(DEGREE,),
    statistical=False,
    limitations=f"{CODE_BESIDE} Three neurons: each enters by a term of its own.",
)


def check_signal_homogeneity(
    runs: LemmaRuns,
    failure_probability: float,
    factor: SignedPower = signed_power,
    output: Output = network_output,
    attack: Attack = span_attack,
) -> CheckedPair:
    """Σ_r phi_q(a u_r) - phi_q(a) U = 0 for q = 2..6 and symbolic q, three neurons and every combination of signs.

    And phi_q grows on both sides of 0, so the margin falls most at the end of the allowed range. Beside it by the
    network's code: signal patches a w* in integers, and no shift within the radius that lowers the margin
    more than the one that the span adversary makes.
    """
    a, *u = sp.symbols("a u_1:4", positive=True)
    left = made = 0
    for degree in _EVERY_DEGREE:
        # phi_q of sign · a moves by sign · dphi for a growing size a.
        left += sum(not (s * sp.diff(signed_power(s, a, degree), a)).is_positive for s in (1, -1))
        for signs in np.ndindex(2, 2, 2, 2):
            sign_a, *sign_u = [1 - 2 * sign for sign in signs]
            scaled = sum(signed_power(sign_a * s, a * x, degree) for s, x in zip(sign_u, u, strict=True))
            signal = sum(signed_power(s, x, degree) for s, x in zip(sign_u, u, strict=True))
            left += sp.expand(scaled - factor(sign_a, a, degree) * signal) != 0
    for degree in DEGREES:
        weights, _ = _integers(runs.seed, degree)
        made += _not_homogeneous(output, weights, degree)
        made += _beaten_shifts(attack, weights, degree)
    return symbolic_pair(left, made, len(_EVERY_DEGREE) * (2 + 16), DEGREES)


def _not_homogeneous(output: Output, weights: torch.Tensor, degree: int) -> int:
    """Integers a for which the output on the patch a w* is not phi_q(a) times that on w*."""
    scales = list(range(-6, 7))
    inputs = torch.zeros(1, len(scales), 1, COORDINATES, dtype=torch.float64)
    inputs[0, :, 0, 0] = torch.tensor(scales, dtype=torch.float64)
    outputs = output(weights, inputs, degree)[0].tolist()
    signal = sum(_exact_power(int(w), degree) for w in weights[0, :, 0].tolist())
    return sum(value != _exact_power(a, degree) * signal for a, value in zip(scales, outputs, strict=True))


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


def _bent_output(weights: torch.Tensor, inputs: torch.Tensor, degree: int) -> torch.Tensor:
    linear = torch.einsum("rmd,rnpd->rnpm", weights, inputs).sum(dim=(-1, -2))
    return network_output(weights, inputs, degree) + linear


def _shift_whatever_the_sign(victim: Victim, weights: torch.Tensor, radius: float) -> torch.Tensor:
    return transfer_attack(victim, radius)


# --- integers at which both are asked of the code -------------------------------------------------------------


def _integers(seed: int, degree: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Small integer weights (1, m, d) and inputs (1, N, P, d): all sums are below 2^53, so float64 is exact."""
    generator = np.random.default_rng(derived_seed(seed, "lemmas.integers", degree))
    weights = generator.integers(-3, 4, (1, NEURONS, COORDINATES))
    inputs = generator.integers(-3, 4, (1, POINTS, 2, COORDINATES))
    return torch.as_tensor(weights, dtype=torch.float64), torch.as_tensor(inputs, dtype=torch.float64)


def _exact_outputs(weights: torch.Tensor, inputs: torch.Tensor, degree: int) -> list[int]:
    """Σ_r Σ_j phi_q(<w_r, X[j]>) in Python's integers."""
    rows = [[int(x) for x in row] for row in weights[0].tolist()]
    totals = []
    for point in inputs[0].tolist():
        products = [sum(w * int(x) for w, x in zip(row, patch, strict=True)) for row in rows for patch in point]
        totals.append(sum(_exact_power(z, degree) for z in products))
    return totals


def _exact_power(z: int, degree: int) -> int:
    size: int = abs(z) ** degree
    return size if z > 0 else -size


CHECKED = (
    CheckedClaim(
        ODD_SYMMETRY,
        check_odd_symmetry,
        controls=(
            with_wrong(
                "even_activation", "|z|^q in place of sgn(z)|z|^q", phi=lambda sign, size, degree: size**degree
            ),
            with_wrong("even_network", "the network's code with |z|^q", output=_even_output),
        ),
    ),
    CheckedClaim(
        SIGNAL_HOMOGENEITY,
        check_signal_homogeneity,
        controls=(
            with_wrong(
                "wrong_degree",
                "phi_{q+1}(a) in place of phi_q(a)",
                factor=lambda sign, size, degree: signed_power(sign, size, degree + 1),
            ),
            with_wrong("other_network", "the network's code with phi_q(z) + z", output=_bent_output),
            with_wrong(
                "other_attack",
                "the adversary subtracts the shift whatever the sign of U",
                attack=_shift_whatever_the_sign,
            ),
        ),
    ),
)
