"""Theorem 3's bound of the robust generalization gap, with the best h, its parts, and the N that it needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import flint

from cgro_theory.calculator.answer import BITS, Answer, Assumed, Direction, Quantity, Term
from cgro_theory.calculator.gap_comparators import comparators
from cgro_theory.errors import InvalidInput, require_integer
from cgro_theory.numerics.arb import exact, precision
from cgro_theory.theorems.theorem_3_global_flatness.theory.bounds import (
    FlatnessBound,
    explicit_bound,
    flatness_radius,
)
from cgro_theory.theorems.theorem_3_global_flatness.theory.vacuity import (
    log10_samples_until_below,
    optimal_bandwidth,
    rate_bandwidth,
)
from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import (
    MAX_BANDWIDTH,
    DensitySmoothness,
    expected_total_variation,
    total_variation_bound,
)

MAX_SAMPLES = 10**900
"""The best h is about N^(-1/(D+2)): beyond this it would leave the floats at D = 1."""
SMALLEST_BANDWIDTH = 1e-300
MAX_LOG10_INTEGER = 300
"""Up to here the samples needed are written out as an integer."""
COSINE_AMPLITUDE = 0.9
"""a of the densities Π(1 + a·cos(2πx_k + phase)) on which theorem 3's claims are judged."""
_GAP = "theory.md 4.2, theorem_3.flatness_bound"


@dataclass(frozen=True)
class FlatnessProblem:
    """What the bound is asked for.

    Attributes:
        num_samples: N in [1, 10^900].
        input_dimension: D in [1, 10^9].
        density: of the data on the unit torus, V and the class weights. No default: V decides what is vacuous.
        flatness: F >= 0, a bound of E_D[F_r] (local form: of the sample's mean of F_(δ+h)), in loss per length.
        perturbation_radius: δ >= 0 in the max norm.
        loss_bound: B > 0.
        failure_probability: Δ in (0, 1).
        bandwidth: h in (0, 1/2], or None for the best one.
        level: the gap to get below, for the N needed; None for B, where the bound stops being vacuous.
        lipschitz: a bound of the loss's slope anywhere, for the Wasserstein comparator; None leaves it out.
        local: the local form instead of the global one.
    """

    num_samples: int
    input_dimension: int
    density: DensitySmoothness
    flatness: float = 1.0
    perturbation_radius: float = 0.1
    loss_bound: float = 1.0
    failure_probability: float = 0.05
    bandwidth: float | None = None
    level: float | None = None
    lipschitz: float | None = None
    local: bool = False


def cosine_variation(input_dimension: int) -> float:
    """V = 4·0.9·D of theorem 3's synthetic densities, by which its claim of vacuity names the N needed.

    >>> cosine_variation(784)
    2822.4
    """
    return 4.0 * COSINE_AMPLITUDE * require_integer("input_dimension", input_dimension, 1)


def flatness(problem: FlatnessProblem) -> Answer:
    """L_D^adv - L_S^adv <= h·F + B·TV, in expectation over the sample's TV and with probability 1 - Δ.

    Every value is rounded up. The best h minimizes the expected global form; it depends on F, so F must be a
    number fixed before the sample is seen.

    >>> answer = flatness(FlatnessProblem(10**6, 1, DensitySmoothness(3.6)))
    >>> image = FlatnessProblem(50_000, 784, DensitySmoothness(cosine_variation(784)))
    >>> answer["gap_bound"].vacuous, flatness(image)["gap_bound"].vacuous
    (False, True)
    """
    samples = require_integer("num_samples", problem.num_samples, 1)
    if samples > MAX_SAMPLES:
        raise InvalidInput("num_samples", samples, "an integer in [1, 1e900]")
    width, chosen = _bandwidth(problem)
    mean, sure = _bound(problem, width, None), _bound(problem, width, problem.failure_probability)
    variation = expected_total_variation(samples, problem.input_dimension, width, problem.density)
    likely = total_variation_bound(
        samples, problem.input_dimension, width, problem.density, problem.failure_probability
    )
    quantities = [
        _gap(
            "gap_bound",
            sure,
            "h·F + B·TV bound",
            f"with probability >= 1 - Δ = {1.0 - problem.failure_probability:g}",
        ),
        _gap(
            "expected_gap_bound", mean, "h·F + B·(bound of E TV)", "with the expected TV instead of one sample's"
        ),
        Quantity(
            "bandwidth",
            width,
            Direction.EQUALITY,
            "min(1/2, (D·c/(2A))^(2/(D+2))·N^(-1/(D+2)))" if chosen else "as given",
            "theory.md 4.2",
            "length on the unit torus",
            note="the best h for the expected global form, to nearest; the bound holds at every h"
            if chosen
            else "",
        ),
        _variation("expected_total_variation", variation, "½[h·D/(D+1)·V + (N h^D)^(-1/2)·2^(-D/2)·Σ√π_y]"),
        _variation("total_variation", likely, "the same + √(log(1/Δ)/(2N))"),
        _needed(problem),
        *_at_rate(problem),
        *comparators(
            samples,
            problem.input_dimension,
            problem.flatness,
            failure_probability=problem.failure_probability,
            loss_bound=problem.loss_bound,
            lipschitz=problem.lipschitz,
            num_classes=len(problem.density.class_weights),
        ),
    ]
    form = "local" if problem.local else "global"
    conditions = _conditions(problem, width, form)
    return Answer("flatness", _parameters(problem, width), tuple(quantities), conditions, _notes(problem))


def _notes(problem: FlatnessProblem) -> tuple[str, ...]:
    """Which V and F the word vacuous rests on."""
    density, given = problem.density.gradient_variation, f"F = {problem.flatness:.6g}"
    source = "4·0.9·D, that of the density Π(1 + 0.9 cos(2πx_k + phase))"
    cosine = density == cosine_variation(problem.input_dimension)
    variation = f"V = Σ π_y ∫‖∇p_y‖₁ = {density:.6g}" + (f" = {source}" if cosine else ", as given")
    return (f"vacuous or not: for {variation}, and {given}",)


def _bandwidth(problem: FlatnessProblem) -> tuple[float, bool]:
    if problem.bandwidth is not None:
        return problem.bandwidth, False
    best = optimal_bandwidth(
        problem.num_samples,
        problem.input_dimension,
        problem.flatness,
        problem.density,
        loss_bound=problem.loss_bound,
    )
    # The bound holds at every h, so a best h that no float holds may be replaced by one that is.
    return min(MAX_BANDWIDTH, max(best, SMALLEST_BANDWIDTH)), True


def _bound(problem: FlatnessProblem, width: float, failure_probability: float | None) -> FlatnessBound:
    return explicit_bound(
        problem.num_samples,
        problem.input_dimension,
        width,
        problem.flatness,
        problem.density,
        perturbation_radius=problem.perturbation_radius,
        loss_bound=problem.loss_bound,
        failure_probability=failure_probability,
        local=problem.local,
    )


def _gap(name: str, bound: FlatnessBound, formula: str, note: str) -> Quantity:
    terms = [
        Term("flatness", bound.flatness_term, "h·F (local: h·D/(D+1)·F)"),
        Term("variation", bound.variation_term, "B·(bound of E TV)"),
    ]
    if bound.confidence_term:
        terms.append(Term("confidence", bound.confidence_term, "B·√(log(1/Δ)/(2N))"))
    return Quantity(
        name,
        bound.total,
        Direction.UPPER,
        formula,
        _GAP,
        "loss",
        tuple(terms),
        log10=bound.log10_total,
        vacuous=bound.vacuous,
        note=note,
    )


def _variation(name: str, value: float, formula: str) -> Quantity:
    return Quantity(
        name,
        value,
        Direction.UPPER,
        formula,
        "theory.md 4.2, theorem_3.total_variation",
        "probability",
        vacuous=value >= 1.0,
    )


def _needed(problem: FlatnessProblem) -> Quantity:
    local = problem.input_dimension / (problem.input_dimension + 1) if problem.local else 1.0
    # The local form is the global one with F·D/(D+1); rounding that product up keeps it a bound.
    slope = math.nextafter(problem.flatness * local, math.inf) if problem.local else problem.flatness
    bandwidths = None if problem.bandwidth is None else (problem.bandwidth,)
    log10 = log10_samples_until_below(
        problem.input_dimension,
        slope,
        problem.density,
        loss_bound=problem.loss_bound,
        failure_probability=problem.failure_probability,
        bandwidths=bandwidths,
        perturbation_radius=problem.perturbation_radius,
        level=problem.level,
    )
    value: int | float = math.inf
    if log10 < MAX_LOG10_INTEGER:
        with precision(BITS + 4 * MAX_LOG10_INTEGER):
            value = int((flint.arb(10) ** exact(log10)).upper().ceil().fmpz())
    return Quantity(
        "samples_needed",
        value,
        Direction.UPPER,
        "least N from which on the bound with confidence is below the level, rounded up",
        "theory.md 4.3, theorem_3.vacuity",
        "samples N",
        (Term("level", problem.loss_bound if problem.level is None else problem.level, "B unless given"),),
        log10=log10,
        vacuous=None,
        note=_needed_note(problem, log10),
    )


def _needed_note(problem: FlatnessProblem, log10: float) -> str:
    if math.isinf(log10):
        return "no N is enough at this h: h·F and the bias alone are above the level"
    return "h at its best for each N" if problem.bandwidth is None else "at the h given"


def _at_rate(problem: FlatnessProblem) -> list[Quantity]:
    rate = rate_bandwidth(problem.num_samples, problem.input_dimension)
    if rate > MAX_BANDWIDTH:
        return []
    bound = _bound(problem, max(rate, SMALLEST_BANDWIDTH), problem.failure_probability)
    note = f"at h = N^(-1/(D+2)) = {rate:.6g}, the choice behind the paper's rate"
    return [_gap("gap_bound_at_rate", bound, "h·F + B·TV bound", note)]


def _conditions(problem: FlatnessProblem, width: float, form: str) -> tuple[Assumed, ...]:
    reach = problem.perturbation_radius + width
    radius = reach if problem.local else flatness_radius(width, problem.perturbation_radius)
    where = "the sample's mean" if problem.local else "the population's mean"
    variation = problem.density.gradient_variation
    fixed = "F is a number fixed before the sample is seen (h depends on it)"
    return (
        Assumed("flatness", f"F bounds {where} of F_r at r = {radius:.6g} ({form} form)", None),
        Assumed("bandwidth", "0 < h <= 1/2: the kernel does not overlap itself on the torus", True),
        Assumed("loss", "the loss lies in [0, B]", None),
        Assumed("density", f"the data's density on the unit torus has V <= {variation:.6g}", None),
        Assumed("fixed flatness", fixed, None if problem.bandwidth is None else True),
        Assumed(
            "paper's radius",
            "h <= 2δ, so that r = δ, the paper's global flatness",
            width <= 2.0 * problem.perturbation_radius,
        ),
    )


def _parameters(problem: FlatnessProblem, width: float) -> dict[str, object]:
    return {
        "num_samples": problem.num_samples,
        "input_dimension": problem.input_dimension,
        "flatness": problem.flatness,
        "gradient_variation": problem.density.gradient_variation,
        "class_weights": problem.density.class_weights,
        "perturbation_radius": problem.perturbation_radius,
        "loss_bound": problem.loss_bound,
        "failure_probability": problem.failure_probability,
        "bandwidth": width,
        "level": problem.level,
        "lipschitz": problem.lipschitz,
        "form": "local" if problem.local else "global",
    }
