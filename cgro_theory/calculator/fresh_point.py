"""Clean and robust test error of given weights or parameters, bounded on both sides (theory.md 2.2.4).

With V the noise margin of a fresh point, the error at a signal margin z >= 0 is ½P(|V| > z), and 1 minus that at
|z| for z < 0. V is a function of normal variables with a known covariance C per noise patch, so its tail is
bounded from both sides in Arb, without sampling. No torch; no scipy unless an estimate is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flint

from cgro_theory.calculator.answer import (
    BITS,
    Answer,
    Assumed,
    Direction,
    Quantity,
    Term,
    lower_log10,
    nearest,
    upper_log10,
)
from cgro_theory.calculator.noise_margin_tail import TailBounds, tail_bounds
from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.numerics.arb import exact, lower_float, precision, upper_float

Matrix = Sequence[Sequence[float]]
MAX_WIDTH = 1000
MAX_SAMPLED_NUMBERS = 5 * 10**7
"""Normal numbers drawn at once for an estimate: 400 MB."""
LARGEST_RATIO = 1e250
"""A margin this many times the noise's scale is beyond every tail that a float holds."""
ESTIMATE_FAILURE = 1e-3
"""Each interval of a sampled estimate misses with at most this probability."""


@dataclass(frozen=True)
class FreshPointLaw:
    """What the error of a fresh point depends on.

    Attributes:
        signal_margin: z = α^q U, any finite number.
        attacked_signal_fraction: κ = 1 - δ/α in [-1, 1].
        covariance: C = σ²·(Gram matrix of the weights orthogonal to w*). shape: (m, m), symmetric
        degree: q in [2, 9].
        noise_patches: J >= 1.
    """

    signal_margin: float
    attacked_signal_fraction: float
    covariance: Matrix
    degree: int = 3
    noise_patches: int = 1

    def __post_init__(self) -> None:
        require_finite("signal_margin", self.signal_margin)
        fraction = require_finite("attacked_signal_fraction", self.attacked_signal_fraction, "in [-1, 1]")
        if not -1.0 <= fraction <= 1.0:
            raise InvalidInput("attacked_signal_fraction", fraction, "in [-1, 1]")
        require_integer("degree", self.degree, 2, 9)
        require_integer("noise_patches", self.noise_patches, 1)
        width = len(self.covariance)
        if not 0 < width <= MAX_WIDTH or any(len(row) != width for row in self.covariance):
            raise InvalidInput("shape of covariance", width, f"(m, m), 1 <= m <= {MAX_WIDTH}")
        for row in self.covariance:
            for entry in row:
                require_finite("covariance", entry)
        if min(self.covariance[r][r] for r in range(width)) < 0.0:
            raise InvalidInput("covariance", "a negative variance", "a matrix with a diagonal >= 0")

    @classmethod
    def isotropic(
        cls,
        signal_margin: float,
        attacked_signal_fraction: float,
        covariance_scale: float,
        width: int,
        degree: int = 3,
        noise_patches: int = 1,
    ) -> FreshPointLaw:
        """C = ``covariance_scale``·I_m: orthogonal weights of one length."""
        size = require_integer("width", width, 1, MAX_WIDTH)
        if require_finite("covariance_scale", covariance_scale) < 0.0:
            raise InvalidInput("covariance_scale", covariance_scale, ">= 0")
        covariance = [[covariance_scale if r == s else 0.0 for s in range(size)] for r in range(size)]
        return cls(signal_margin, attacked_signal_fraction, covariance, degree, noise_patches)

    def attacked_margin(self) -> flint.arb:
        """z̃ under the worst shift within span(w*): φ_q(κ) z for z >= 0, (2-κ)^q z for z < 0 (theory.md 2.2.1)."""
        margin, fraction = exact(self.signal_margin), exact(self.attacked_signal_fraction)
        if self.signal_margin < 0.0:
            return (2 - fraction) ** self.degree * margin
        sign = 1 if self.attacked_signal_fraction >= 0.0 else -1
        return sign * abs(fraction) ** self.degree * margin


def fresh_point_errors(
    law: FreshPointLaw,
    *,
    directions: int = 0,
    seed: int = 0,
) -> Answer:
    """Lower and upper bounds of the clean and the robust test error; an estimate if asked for.

    Robust is what the worst shift of the signal patch within span(w*), of length at most δ, leaves (adversary
    ``span``), so never less than clean; this holds for every sign of z and κ. Lower ends are rounded down, upper
    ends up; at m = J = 1 the two meet. ``directions`` > 0 adds an estimate from sampled directions, with
    directions·m·J at most 5·10^7.

    >>> answer = fresh_point_errors(FreshPointLaw.isotropic(3.0, 0.1, 0.01, width=24))
    >>> answer["clean_test_error_upper"].value < 0.01, answer["robust_test_error_lower"].value > 0.07
    (True, True)
    """
    size = law.noise_patches * len(law.covariance)
    if require_integer("directions", directions, 0) * size > MAX_SAMPLED_NUMBERS:
        raise InvalidInput("directions", directions, f"<= {MAX_SAMPLED_NUMBERS // size} at m·J = {size}")
    with precision(BITS):
        margins = {"clean": exact(law.signal_margin), "robust": law.attacked_margin()}
        quantities: list[Quantity] = []
        for kind, margin in margins.items():
            bounds = tail_bounds(abs(margin), law.covariance, law.degree, law.noise_patches)
            # z̃ = κ^q z = 0 as well as z >= 0 belong to the symmetric half; only z < 0 is the other one.
            quantities += _both_ends(kind, margin, bounds, negative=bool(margin < 0))
        if directions:
            ends = {q.name: float(q.value or 0.0) for q in quantities}
            rigorous = {
                kind: (ends[f"{kind}_test_error_lower"], ends[f"{kind}_test_error_upper"]) for kind in margins
            }
            quantities += _estimates(law, margins, rigorous, directions, seed)
    unseen = Assumed("fresh point", "its noise is independent of the weights: it was not trained on", None)
    return Answer("test-error", _parameters(law), tuple(quantities), (unseen,), _notes(law))


def _notes(law: FreshPointLaw) -> tuple[str, ...]:
    notes = [
        "robust: under the worst shift of the signal patch within span(w*), of length at most δ (`span`), so "
        "never below clean; under an attack that may do more, such as `l2`, the error is at least this one"
    ]
    if law.signal_margin < 0.0:
        notes.append("z < 0: the network has the signal the wrong way round, and the attack adds to it")
    elif law.attacked_signal_fraction < 0.0:
        notes.append("κ < 0: the attack turns the signal around, so the robust error is at least one half")
    return tuple(notes)


def _both_ends(kind: str, margin: flint.arb, bounds: TailBounds, *, negative: bool) -> list[Quantity]:
    half = exact("0.5")
    low, high = half * bounds.low, half * bounds.high
    formula = "½P(|V| > z)" if kind == "clean" else "½P(|V| > z̃)"
    if negative:
        low, high = 1 - high, 1 - low
        formula = "1 - " + formula.replace("z̃", "|z̃|").replace("> z", "> |z|")
    value = float(margin.mid())
    own = Term(
        "z" if kind == "clean" else "z̃",
        value,
        "α^q U" if kind == "clean" else "φ_q(α - δ sgn U)·U, the worst shift",
    )
    source = f"theory.md 2.2.4, theorem_1.{kind}_test_error"
    lower, upper = max(0.0, lower_float(low)), min(1.0, upper_float(high))
    trivial = (0.5, 1.0) if negative else (0.0, 0.5)
    return [
        Quantity(
            f"{kind}_test_error_lower",
            lower,
            Direction.LOWER,
            formula,
            source,
            "probability",
            (own, Term("lower bound of P(|V| > |z|)", lower_float(bounds.low), bounds.low_formula)),
            log10=lower_log10(low),
            vacuous=not low > exact(trivial[0]),
        ),
        Quantity(
            f"{kind}_test_error_upper",
            upper,
            Direction.UPPER,
            formula,
            source,
            "probability",
            (own, *(Term(name, upper_float(ball), text) for name, ball, text in bounds.high_terms)),
            log10=min(0.0, upper_log10(high)),
            vacuous=upper >= trivial[1],
            note="with the least of the tail bounds",
        ),
    ]


def _estimates(
    law: FreshPointLaw,
    margins: Mapping[str, flint.arb],
    rigorous: Mapping[str, tuple[float, float]],
    directions: int,
    seed: int,
) -> list[Quantity]:
    """The room's sampled estimate; imported here because it needs scipy.

    Both errors see the same directions, so that the robust one is never below the clean one. V is homogeneous of
    degree q, so the law is brought to variances of at most 1 first, where no power leaves the floats.
    """
    import numpy as np

    from cgro_theory.setting.noise_margin_law import NoiseMarginLaw, error_at_margin

    covariance = np.array(law.covariance, dtype=float)
    largest = float(covariance.diagonal().max()) or 1.0
    room = NoiseMarginLaw(covariance / largest, law.degree, law.noise_patches)
    unit = exact(largest).sqrt() ** law.degree
    require_integer("seed", seed, 0)
    quantities = []
    for kind, margin in margins.items():
        generator = np.random.default_rng([seed, 0])
        scaled = min(max(nearest(margin / unit)[0], -LARGEST_RATIO), LARGEST_RATIO)
        error = error_at_margin(room, scaled, ESTIMATE_FAILURE, directions=directions, generator=generator)
        least, most = rigorous[kind]
        value = min(max(error.estimate, least), most)
        note = f"low and high hold with confidence {1.0 - ESTIMATE_FAILURE:g}"
        if value != error.estimate:
            # Far tails are carried by directions too rare to be sampled; the bounds know better.
            note += f"; the sampled value {error.estimate:.6g} violates a rigorous bound and is replaced by it"
        quantities.append(
            Quantity(
                f"{kind}_test_error_estimate",
                value,
                Direction.ESTIMATE,
                "mean over sampled directions of the exact χ² tail",
                f"theory.md 2.2.4, theorem_1.{kind}_test_error",
                "probability",
                (Term("directions", directions, "sampled"),),
                # One float outward: halving a tail, or taking it from 1, may round a tiny one away.
                low=min(max(math.nextafter(error.low, 0.0), least), value),
                high=max(min(math.nextafter(error.high, 1.0), most), value),
                note=note,
            )
        )
    return quantities


def _parameters(law: FreshPointLaw) -> dict[str, Any]:
    width = len(law.covariance)
    return {
        "signal_margin": law.signal_margin,
        "attacked_signal_fraction": law.attacked_signal_fraction,
        "width": width,
        "mean_variance": math.fsum(law.covariance[r][r] for r in range(width)) / width,
        "degree": law.degree,
        "noise_patches": law.noise_patches,
    }
