"""Both bounds against exactly trained networks (README.md): the claims, their check, controls and figure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import sympy as sp
from flint import arb, fmpq

from benign_leaky_relu import exponents, theory
from benign_leaky_relu.runs import BenignRuns, TrainedNetwork, gather, parameters, retrained
from benign_leaky_relu.theory import NORM_CONSTANT, UPDATES_CONSTANT, Problem
from cgro_theory.claims.claim import Claim, Provenance, Relation, Source
from cgro_theory.claims.condition import StatedAssumption, each_once
from cgro_theory.claims.evidence import Evidence, Measurement, Prediction
from cgro_theory.claims.figure import Figure, Marker, Panel, Series
from cgro_theory.claims.interval import Interval
from cgro_theory.claims.raw import Case, WorstCase
from cgro_theory.claims.reading import Reading
from cgro_theory.numerics.arb import lower_float, upper_float
from cgro_theory.theorems.checked_claim import Check, CheckedClaim, CheckedPair, NegativeControl
from cgro_theory.theorems.room import NamedConstant

__all__ = ["CHECKED", "CONSTANTS", "GROWING", "figures", "gather", "parameters"]

GROWING: frozenset[str] = frozenset({"thresholds"})
_WHY = "2m neurons, m of outer sign +1, is inferred: so 4, 3√2 and the slip's 7/2 all come out"
CONSTANTS = (NamedConstant("m", "half the width", _WHY), *exponents.CONSTANTS)
LIMITATIONS = (
    "Exact for every problem that was trained, but the problems are a sample: small ones, up to 8 points, "
    "4 dimensions and 12 neurons."
)
_eta, _alpha, _m, _w_star, _updates, _norm = sp.symbols("eta alpha m w_star updates squared_norm", positive=True)
_SEPARABLE = StatedAssumption("separable", "some w has y<w, x> >= 1 at all points", "max_margin, exactly")
_claim = partial(
    Claim,
    source=Source("Karhadkar, George, Murray, Montúfar and Needell, arXiv 2403.06903", "convergence of training"),
    provenance=(Provenance.PAPER, Provenance.DERIVED),
    natural_range=Interval.at_least(0.0),
    relation=Relation.AT_MOST,
    assumptions=(theory.SLOPE, theory.STEP, theory.START, _SEPARABLE),
    statistical=False,
)
UPDATES = _claim(
    label="benign_leaky_relu.updates",
    statement="Gradient descent reaches zero hinge loss after at most 4‖w*‖²/(η α² m) point updates.",
    quantity="largest η α² m/‖w*‖² times the point updates, over trained networks",
    expression=sp.Le(_updates, UPDATES_CONSTANT * _w_star**2 / (_eta * _alpha**2 * _m)),
    limitations=f"{LIMITATIONS} No problem came near 7/2, which this neither confirms nor refutes.",
)
NORM = _claim(
    label="benign_leaky_relu.norm",
    statement="Where the hinge loss is 0 for the first time, ‖W‖_F is at most 3√2‖w*‖/(α√m).",
    quantity="largest α² m/‖w*‖² times ‖W‖_F² where the run ends, over trained networks",
    expression=sp.Le(_norm, NORM_CONSTANT * _w_star**2 / (_alpha**2 * _m)),
    limitations=f"{LIMITATIONS} Proved at every step, measured at the end; no problem exceeded 6 of the 18.",
)

Scaled = Callable[[TrainedNetwork], fmpq]
Predict = Callable[[Problem], Prediction]


def scaled_updates(network: TrainedNetwork) -> fmpq:
    """η α² m/‖w*‖² times the point updates."""
    return network.updates * network.problem.rate / network.problem.difficulty


def scaled_norm(network: TrainedNetwork) -> fmpq:
    """α² m/‖w*‖² times ‖W‖_F²."""
    return network.squared_norm / network.problem.difficulty


def check(runs: BenignRuns, failure_probability: float, *, scaled: Scaled, predict: Predict) -> CheckedPair:
    """The network with the largest scaled number; one outside decides, whatever else was given up.

    Of a run that was given up only a lower end is known. No chance is involved: the failure probability is unused.
    """
    if not runs.networks:
        return CheckedPair(Prediction(None), Measurement.failed("no network was trained"))
    predictions = [predict(network.problem) for network in runs.networks]
    told = replace(predictions[0], assumed=each_once(each for own in predictions for each in own.assumed))
    found = [_enclosed(scaled(network), network.finished) for network in runs.networks]
    cases = tuple(Case(told.interval, Reading(own)) for own in found)
    worst = max(zip(cases, found, strict=True), key=lambda pair: (pair[0].standing[0], pair[1].high))[1]
    measured = Measurement(
        estimate=worst.low,
        interval=worst,
        confidence=1.0,
        runs=len(found),
        evidence=Evidence.STATISTICAL,  # exact, on problems that are a sample
        seeds=(runs.seed,),
        notes=(("given up", float(sum(not network.finished for network in runs.networks))),),
        binding=sum(network.steps > 0 for network in runs.networks),
        raw=WorstCase(cases),
    )
    return CheckedPair(told, measured)


def _enclosed(value: fmpq, finished: bool) -> Interval:
    """The rational between two floats; without an upper end where a run was given up."""
    return Interval(lower_float(arb(value)), upper_float(arb(value)) if finished else math.inf)


def figures(runs: BenignRuns) -> tuple[Figure, ...]:
    """Both scaled numbers of every network against the slope; the thresholds of the test error."""
    slopes = [float(network.problem.slope) for network in runs.networks]
    panels = []
    for claim, scaled, bound, slip in (
        (UPDATES, scaled_updates, UPDATES_CONSTANT, 3.5),
        (NORM, scaled_norm, NORM_CONSTANT, 12.5),
    ):
        values = [float(scaled(network)) for network in runs.networks]
        points = Series("one network, trained exactly", slopes, values, 0, "points")
        markers = Marker("the theorem", bound, "y"), Marker("with the slip of its proof", slip, "y", colour=3)
        label = claim.quantity.removeprefix("largest ").removesuffix(", over trained networks")
        panels.append(Panel(f"{len(slopes):,} networks", "slope α", label, (points,), markers))
    title, caption = "Two bounds for leaky ReLU networks", "Every network against the theorem's two bounds."
    bounds = Figure("benign_leaky_relu_bounds", title, caption, tuple(panels), (UPDATES.label, NORM.label))
    return (bounds,) * bool(runs.networks) + tuple(exponents.figure(runs) for _ in runs.thresholds[:1])


def _checked(claim: Claim, scaled: Scaled, constant: int, half: float, *more: NegativeControl) -> CheckedClaim:
    """The claim with the controls that both share; two of them violate a condition by a factor that it forgets."""
    told = partial(_told, scaled)
    longer_steps = partial(retrained, rate=lambda each: each.rate * len(each.points))
    longer_start = partial(retrained, start=lambda each: each.start * each.half_width)
    without_n = told(constant, step=lambda each: theory.step_share(each) / len(each.points))
    without_m = told(constant, start=lambda each: theory.start_share(each) / each.half_width**2)
    controls = (
        NegativeControl("halved", "half the bound", check=told(half)),
        NegativeControl("step_without_n", "steps up to 1/(m max‖x‖²)", longer_steps, without_n),
        NegativeControl("start_without_m", "rows of W(0) up to √α/min‖x‖", longer_start, without_m),
        NegativeControl("wrong_signs", "neurons of sign -1 move as if it were +1", partial(retrained, moved=-1)),
    )
    return CheckedClaim(claim, told(constant), (*controls, *more), needs=("networks",))


def _told(scaled: Scaled, constant: float, **forgetful: theory.Share) -> Check:
    return partial(check, scaled=scaled, predict=lambda each: theory.predict(each, constant, **forgetful))


_NO_SLOPE = _told(lambda each: scaled_updates(each) / each.problem.slope**2, UPDATES_CONSTANT)
_SLOPE_DROPPED = NegativeControl("slope_dropped", "the factor α² dropped", check=_NO_SLOPE)
CHECKED = (
    _checked(UPDATES, scaled_updates, UPDATES_CONSTANT, UPDATES_CONSTANT / 2, _SLOPE_DROPPED),
    _checked(NORM, scaled_norm, NORM_CONSTANT, NORM_CONSTANT / 4),  # of squares
    *exponents.CHECKED,
)
