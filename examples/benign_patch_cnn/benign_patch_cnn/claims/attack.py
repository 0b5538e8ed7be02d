"""Where adversarial training moves the end of benign overfitting (README.md, section 4)."""

from __future__ import annotations

import math

import sympy as sp

from cgro_theory.claims import Claim, Interval, Provenance, Relation, Source
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong
from cgro_theory.theorems.theorem_1_feature_learning.claims.worst_run import JudgedRun, judge_runs

from ..runs.boundaries import AttackedBoundary, BenignRuns
from ..theory.race import (
    AT_REST,
    BENIGN_LOSS,
    FAR,
    SCOPE,
    SIGNAL_LEFT,
    Share,
    predict_shift,
    robust_fraction,
    signal_share,
)
from .boundary import ANY_RATIO, PROJECT

_q, _lambda, _kappa, _factor = sp.symbols("q lambda kappa factor", real=True)
_SHARE = 1 - _lambda + _lambda * sp.sign(_kappa) * sp.Abs(_kappa) ** _q

ATTACK_SHIFT = Claim(
    label="benign_patch_cnn.attack_shift",
    statement="Adversarial training moves the end of benign overfitting, on clean data, up by the factor "
    "(1 - λ + λκ^q)^(-1/q) in SNR: it takes 1/(1 - λ + λκ^q) times as many points.",
    source=Source(PROJECT, "README.md, 4"),
    provenance=(Provenance.NEW,),
    quantity="SNR* under attack over SNR* of the same network and points without, nearest to an end",
    natural_range=ANY_RATIO,
    relation=Relation.WITHIN,
    expression=sp.Eq(_factor, _SHARE ** (-1 / _q)),
    assumptions=(*SCOPE, SIGNAL_LEFT, AT_REST),
    limitations="The attack transferred from the linear target; N = 8. Leading order with error terms.",
)
ATTACK_RADIUS = Claim(
    label="benign_patch_cnn.attack_radius",
    statement="Above that end a network is benign under attack too where κ is far above κ*, and harmful under "
    "attack though benign without where κ is far below.",
    source=Source(PROJECT, "README.md, 4"),
    provenance=(Provenance.NEW,),
    quantity="whether the attacked test loss is benign (1) or not (0), a tenth above the boundary in log SNR",
    natural_range=Interval(0.0, 1.0),
    relation=Relation.WITHIN,
    expression=sp.Eq(sp.Symbol("benign", real=True), sp.Heaviside(_kappa - sp.Symbol("kappa_star", real=True), 0)),
    assumptions=(*SCOPE, FAR),
    limitations="κ of 0.005 and -0.5 against 0.5 and 0.8, κ* being about 0.03; nothing is said of κ near κ*.",
)


def check_attack_shift(runs: BenignRuns, failure_probability: float, share: Share = signal_share) -> CheckedPair:
    """Both brackets' quotient, end by end, against the factor."""
    judged = []
    for each in runs.attacked:
        told = predict_shift(each.base.draw, each.weight, each.fraction, each.base.degree, share)
        own, base = each.bracket.snr, each.base.bracket.snr
        moved = Interval(own.low / base.high, own.high / base.low if base.low > 0.0 else math.inf)
        failure = each.bracket.failure or each.base.bracket.failure
        judged.append(JudgedRun(told.interval, moved, told.leading_order, told.assumed, failure))
    return judge_runs(judged, failure_probability, seeds=[each.base.seed for each in runs.attacked])


def check_attack_radius(runs: BenignRuns, failure_probability: float, factor: float = 1.0) -> CheckedPair:
    """A network above each boundary: its attacked test loss against the side of κ*. ``factor`` multiplies κ*."""
    judged = []
    for each in runs.attacked:
        shift = predict_shift(each.base.draw, each.weight, each.fraction, each.base.degree)
        threshold = factor * robust_fraction(each.base.draw, each.above.snr, each.base.degree)
        scope = [found for found in shift.assumed if found.condition in SCOPE]
        scope.append(FAR.given(kappa=each.fraction, kappa_star=threshold))
        expected = Interval.point(float(each.fraction > threshold))
        judged.append(JudgedRun(expected, _robust(each), expected.low, tuple(scope), each.above.failure))
    return judge_runs(judged, failure_probability, seeds=[each.base.seed for each in runs.attacked])


def _robust(each: AttackedBoundary) -> Interval | None:
    """1 or 0; nothing for a network that is not benign even without attack, which is outside."""
    if not each.above.test_loss < BENIGN_LOSS:
        return None
    return Interval.point(float(each.above.attacked_test_loss < BENIGN_LOSS))


def _linear(weight: float, fraction: float, degree: int) -> float:
    return 1.0 - weight + weight * fraction


def _clean_alone(weight: float, fraction: float, degree: int) -> float:
    return max(1.0 - weight, 1e-3)


CHECKED = (
    CheckedClaim(
        ATTACK_SHIFT,
        check_attack_shift,
        controls=(
            with_wrong("linear", "κ in place of κ^q", share=_linear),
            with_wrong("clean_alone", "the attacked loss teaches no signal", share=_clean_alone),
        ),
        needs=("attacked",),
        numeric=lambda lambda_, kappa, q: signal_share(lambda_, kappa, q) ** (-1.0 / q),
    ),
    CheckedClaim(
        ATTACK_RADIUS,
        check_attack_radius,
        controls=(
            with_wrong("smaller_threshold", "κ* a hundredth of itself", factor=0.01),
            with_wrong("larger_threshold", "κ* a hundred times itself", factor=100.0),
        ),
        needs=("attacked",),
    ),
)
