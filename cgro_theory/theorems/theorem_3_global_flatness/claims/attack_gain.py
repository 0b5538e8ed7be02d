"""What the attack costs: at least its expansion to second order (theory.md 4.1)."""

from __future__ import annotations

import math
from collections.abc import Callable

import sympy

from cgro_theory.claims import (
    Claim,
    Evidence,
    Extreme,
    Interval,
    Measurement,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
)
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong

from ..runs.made import TorusRuns
from ..theory.enclosure import SMOOTH_LOSS, attack_gain_bound, difference
from .symbols import EACH_DECIDED, PAPER, G, H, L_D_adv, L_D_clean, delta

CLEAN_TO_ROBUST_GAP = Claim(
    label="theorem_3.clean_to_robust_gap",
    statement="The attack costs at least δ·E‖∇ℓ‖₁ - ½δ²·E max_(‖ξ‖∞<=δ)‖∇²ℓ‖_(∞→1) of population loss.",
    source=Source(PAPER + " (first order, as Ω) and theory.md", "4.1, 4.3"),
    provenance=(Provenance.PAPER, Provenance.NEW),
    quantity="smallest L_D^adv - L_D^clean - δ·E‖∇ℓ‖₁ + ½δ²·E max‖∇²ℓ‖, over f and δ [loss]",
    natural_range=Interval(-math.inf, math.inf),
    relation=Relation.AT_LEAST,
    expression=sympy.Ge(L_D_adv - L_D_clean, delta * G - delta**2 * H / 2),
    assumptions=(SMOOTH_LOSS,),
    statistical=False,
    limitations="a factor in Ω: without the second-order term the first-order form is false for saturated "
    f"losses; f and δ that were not tried, which theory.md 4.1 covers: {EACH_DECIDED}",
)

GainBound = Callable[[float, Interval, Interval], Interval]


def check_clean_to_robust_gap(
    runs: TorusRuns, failure_probability: float, bound_of: GainBound = attack_gain_bound
) -> CheckedPair:
    """What the attack gains minus its expansion to second order, the smallest over f and δ."""
    claimed = Prediction(Interval.at_least(0.0))
    if not runs.gains:
        return CheckedPair(claimed, Measurement.failed("no network was attacked"))
    excesses = [
        difference(case.gain, bound_of(case.perturbation_radius, case.mean_gradient, case.mean_curvature))
        for case in runs.gains
    ]
    smallest = Interval(min(entry.low for entry in excesses), min(entry.high for entry in excesses))
    notes = tuple(
        (
            f"attack gain / (δ E‖∇ℓ‖₁), D = {dimension}, the least lower end",
            min(
                case.gain.low / (case.perturbation_radius * case.mean_gradient.high)
                for case in runs.gains
                if case.input_dimension == dimension
            ),
        )
        for dimension in sorted({case.input_dimension for case in runs.gains})
    )
    raw = Extreme("least", Reading.all(excesses))
    measured = Measurement(smallest.low, smallest, 1.0, len(excesses), Evidence.STATISTICAL, notes=notes, raw=raw)
    return CheckedPair(claimed, measured)


def _curvature_added(radius: float, gradient: Interval, curvature: Interval) -> Interval:
    return attack_gain_bound(radius, gradient, Interval(-curvature.high, -curvature.low))


def _first_order_only(radius: float, gradient: Interval, curvature: Interval) -> Interval:
    return attack_gain_bound(radius, gradient, Interval.point(0.0))


def _least_attacked_loss(*, L_D_clean: float, delta: float, G: float, H: float) -> float:
    return L_D_clean + attack_gain_bound(delta, Interval.point(G), Interval.point(H)).low


CHECKED = (
    CheckedClaim(
        CLEAN_TO_ROBUST_GAP,
        check_clean_to_robust_gap,
        controls=(
            with_wrong("curvature_sign", "+½δ² in place of -½δ²", bound_of=_curvature_added),
            with_wrong(
                "no_curvature_term",
                "the second-order term dropped: a saturated loss gains less than δ·E‖∇ℓ‖₁",
                bound_of=_first_order_only,
            ),
        ),
        needs=("gains",),
        numeric=_least_attacked_loss,
    ),
)
