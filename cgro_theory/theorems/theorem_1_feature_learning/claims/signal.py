"""The signal is learned, and then stands nearly still (theory.md 2.4), run by run from the initial draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import sympy as sp

from cgro_theory.claims import Claim, Interval, Prediction, Provenance, Relation, Source
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong

from ..runs.initial_draws import initial_draws
from ..runs.trained import RunGroup, TrainedEvidence
from ..theory.conditions import (
    ATTACK,
    CLEAN_WEIGHT,
    LEARNING,
    RADIUS,
    REPRESENTABLE,
    SIGNAL_NEURON,
    SMALL_NOISE,
    STEP,
)
from ..theory.memorization import leading_memorization_time
from ..theory.signal import (
    InitialDraw,
    evaluated,
    leading_signal_time,
    plateau_signal_margin,
    predict_signal_margin,
    predict_signal_time,
)
from . import remembered
from .negative_controls import ONE_UNATTACKED, slipped_in, told
from .one_neuron import one_neuron
from .symbols import ARITHMETIC, ONE_SETTING, PAPER, PROJECT, REAL, T_I, TIME, alpha, kappa, lam, q, t, u, z
from .worst_run import JudgedRun, nearest_to_violation, per_run

SIGNAL_TIME = Claim(
    label="theorem_1.signal_time",
    statement="In every run the signal margin α^q U first reaches 1 inside an enclosure computed from the initial "
    "draw.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="signal time of the run nearest to an end of its enclosure (units of η·step)",
    natural_range=TIME,
    relation=Relation.WITHIN,
    expression=sp.Eq(
        T_I, u ** (2 - q) / (q * (q - 2) * (((1 - lam) * alpha**q + lam * (kappa * alpha) ** q) / 2))
    ),
    assumptions=LEARNING,
    depends_on=("theorem_1.gradient_identity", "lemmas.common_clock", "lemmas.tensor_power_time"),
    limitations=f"{ARITHMETIC} {ONE_SETTING}",
)


def check_signal_time(
    runs: TrainedEvidence,
    failure_probability: float,
    *,
    predict: Callable[[PatchSetting, InitialDraw, float], Prediction] = remembered.signal_time,
) -> CheckedPair:
    """Each run's signal time against its own enclosure."""

    def look(group: RunGroup) -> Sequence[JudgedRun]:
        rate, times = group.trajectories.learning_rate, group.trajectories.signal_time
        error = group.flow_error.signal_time
        return [
            per_run(group, run, predict(group.setting, draw, rate), times[run], relative_error=error)
            for run, draw in enumerate(initial_draws(group.trajectories))
        ]

    return nearest_to_violation(runs.main, look, failure_probability)


SIGNAL_PLATEAU = Claim(
    label="theorem_1.signal_plateau",
    statement="Between the signal time and memorization the signal margin follows a one-dimensional flow and "
    "grows only logarithmically: until then the feature is learned only in part.",
    source=Source(PAPER + " and theory.md", "2.4", "v1"),
    provenance=(Provenance.PAPER, Provenance.DERIVED),
    quantity="signal margin a third of the way to memorization, run nearest to an end of its enclosure",
    natural_range=REAL,
    relation=Relation.WITHIN,
    expression=sp.Eq(sp.exp(z), t * q**2 * alpha**2 * (1 - lam) * z ** (2 - 2 / q)),
    assumptions=(SIGNAL_NEURON, REPRESENTABLE, RADIUS, ATTACK, CLEAN_WEIGHT, STEP, SMALL_NOISE),
    depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
    limitations="Compared at one time, the last record before a third of T_III; the flow is started from the "
    "projections recorded just after the signal time, and a run that has not learned the signal by then is "
    f"outside. {ARITHMETIC}",
)

LEARNED = Interval.at_least(1.0)
"""What a run that has not learned the signal is held against: z >= 1 by a third of the way to memorization."""


def check_signal_plateau(
    runs: TrainedEvidence,
    failure_probability: float,
    *,
    predict: Callable[..., Prediction] = predict_signal_margin,
) -> CheckedPair:
    """Each run's signal margin at the checkpoint nearest below a third of T_III against its enclosure.

    A run that has not learned the signal by then is outside: its margin is below 1.
    """

    def look(group: RunGroup) -> Sequence[JudgedRun]:
        trajectories, times, entries = group.trajectories, group.trajectories.checkpoint_times, []
        for run, draw in enumerate(initial_draws(trajectories)):
            margins = trajectories.signal_margin[run]
            target = leading_memorization_time(group.setting, draw) / 3.0
            end = max(0, int(np.searchsorted(times, target, side="right")) - 1)
            learned = np.flatnonzero(margins[: end + 1] >= 1.0)
            # Learned at the very checkpoint, or not at all: followed from the start.
            start = int(learned[0]) if learned.size and learned[0] < end else 0
            predicted = predict(
                group.setting,
                draw,
                trajectories.signal_projections[run, start],
                start=float(times[start]),
                end=float(times[end]),
                learning_rate=trajectories.learning_rate,
            )
            predicted = replace(
                predicted,
                interval=predicted.interval if learned.size else LEARNED,
                assumed=(*predicted.assumed, *evaluated((ATTACK, CLEAN_WEIGHT), group.setting, draw)),
            )
            error = group.flow_error.signal_margin
            entries.append(per_run(group, run, predicted, float(margins[end]), relative_error=error))
        return entries

    return nearest_to_violation(runs.main, look, failure_probability)


CHECKED = (
    CheckedClaim(
        SIGNAL_TIME,
        check_signal_time,
        (
            with_wrong(
                "exponent_off",
                "α^(q-0.1) in place of α^q in the gain",
                predict=told(
                    predict_signal_time,
                    signal_strength=lambda s: s.signal_strength ** ((s.degree - 0.1) / s.degree),
                ),
            ),
            with_wrong(
                "weights_swapped",
                "λ and 1 - λ swapped",
                predict=told(predict_signal_time, adversarial_weight=lambda s: 1 - s.adversarial_weight),
            ),
            ONE_UNATTACKED,
        ),
        needs=("main", "standard"),
        numeric=lambda **numbers: leading_signal_time(*one_neuron(**numbers)),
    ),
    CheckedClaim(
        SIGNAL_PLATEAU,
        check_signal_plateau,
        (
            with_wrong(
                "constant_halved",
                "half of 1 - λ",
                predict=told(
                    predict_signal_margin, adversarial_weight=lambda s: 1 - (1 - s.adversarial_weight) / 2
                ),
            ),
            slipped_in("one_run_never_learns", "main", "adversarial_only"),
        ),
        needs=("main", "adversarial_only"),
        numeric=lambda t, **numbers: plateau_signal_margin(one_neuron(**numbers)[0], t),
    ),
)
