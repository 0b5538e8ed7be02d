"""The noise of every training point is memorized, after the signal was learned (theory.md 2.4), run by run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from cgro_theory.claims import (
    Claim,
    Figure,
    Interval,
    Marker,
    Panel,
    Prediction,
    Provenance,
    Relation,
    Series,
    Source,
)
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong
from cgro_theory.trainer.trajectories import attacked_signal_margin

from ..runs.initial_draws import first_memorization, initial_draw, initial_draws
from ..runs.trained import RunGroup, TrainedEvidence
from ..theory.conditions import FIRST_MEMORIZED, MEMORIZING, REGIME, SIGNAL_NEURON
from ..theory.memorization import (
    leading_memorization_time,
    predict_first_memorization_times,
    predict_noise_margin_ceiling,
)
from ..theory.signal import InitialDraw, leading_signal_time
from . import remembered
from .negative_controls import ONE_UNATTACKED, judged_on, slipped_in, told
from .one_neuron import one_neuron
from .scope import met
from .symbols import ARITHMETIC, ONE_SETTING, PAPER, PROJECT, REAL, T_I, T_III, TIME, N, V, lam, q, t, v, xi
from .worst_run import BELOW_ONE, JudgedRun, every_run, nearest_to_violation, per_run

PredictTimes = Callable[[PatchSetting, Sequence[InitialDraw], float], Sequence[Prediction]]
FIRST_MEMORIZATION = Claim(
    label="theorem_1.first_memorization_time",
    statement="Below the phase boundary the first noise margin reaches 1 inside an enclosure computed from the "
    "initial draw, in every run.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="first memorization time of the run nearest to an end of its enclosure (units of η·step)",
    natural_range=TIME,
    relation=Relation.WITHIN,
    expression=sp.Eq(T_III, N * v ** (2 - q) / (q * (q - 2) * lam / 2 * xi**2)),
    assumptions=FIRST_MEMORIZED,
    depends_on=("theorem_1.gradient_identity", "lemmas.tensor_power_time"),
    limitations="The formula is the leading order, exact only as d grows; what is compared is the enclosure. "
    f"{ARITHMETIC} {ONE_SETTING}",
)


def check_first_memorization_time(
    runs: TrainedEvidence,
    failure_probability: float,
    *,
    predict: PredictTimes = remembered.first_memorization_times,
) -> CheckedPair:
    """Each run's first memorization time against its own enclosure."""

    def look(group: RunGroup) -> Sequence[JudgedRun]:
        times, error = first_memorization(group.trajectories), group.flow_error.first_memorization
        predicted = predict(group.setting, initial_draws(group.trajectories), group.trajectories.learning_rate)
        return [per_run(group, run, own, times[run], relative_error=error) for run, own in enumerate(predicted)]

    return nearest_to_violation(runs.main, look, failure_probability)


_AT_HALF_THE_WEIGHT = told(
    predict_first_memorization_times, adversarial_weight=lambda setting: setting.adversarial_weight / 2
)


def _with_longer_noise(setting: PatchSetting, draws: Sequence[InitialDraw], rate: float) -> Sequence[Prediction]:
    factor = float(setting.patch_dimension) ** 0.1
    longer = [replace(draw, noise_gram=draw.noise_gram * factor) for draw in draws]
    return predict_first_memorization_times(setting, longer, rate)


STAGE_ORDER = Claim(
    label="theorem_1.stage_order",
    statement="In every run the signal is learned before any noise is memorized: T_I < T_III.",
    source=Source(PAPER, "main result", "v1"),
    provenance=(Provenance.PAPER,),
    quantity="largest ratio of signal time to first memorization time over the runs, inf where one is missed",
    natural_range=TIME,
    relation=Relation.AT_MOST,
    expression=sp.Lt(T_I, T_III),
    assumptions=(*REGIME, SIGNAL_NEURON),
    depends_on=("theorem_1.signal_time", "theorem_1.first_memorization_time"),
    limitations=ONE_SETTING,
)


def _order(group: RunGroup) -> NDArray[np.float64]:
    """T_I / T_III of every run; one that misses either stage has no order: inf."""
    learned, memorized = group.trajectories.signal_time, first_memorization(group.trajectories)
    return np.where(np.isfinite(memorized), learned / memorized, np.inf)


_G, _S = sp.symbols("G S", real=True)
NOISE_MEMORIZATION = Claim(
    label="theorem_1.noise_memorization",
    statement="Below the phase boundary every training point is memorized in the end: V_i >= 1, and at most a "
    "ceiling that grows logarithmically (the paper's Θ̃(1)).",
    source=Source(PAPER, "main result", "v1"),
    provenance=(Provenance.PAPER,),
    quantity="final noise margin of the point nearest to an end of its range, over all runs",
    natural_range=REAL,
    relation=Relation.WITHIN,
    expression=sp.And(
        sp.Ge(V, 1), sp.Le(V, 1 + _G), sp.Eq(sp.exp(_G), (sp.E + t * q**2 * _S / N) * _G ** (2 - 2 / q))
    ),
    assumptions=MEMORIZING,
    depends_on=("theorem_1.gradient_identity",),
    limitations="A run ends when all its points are memorized, or at a horizon of four times the slowest point's "
    "own formula; V_i goes on growing logarithmically after that.",
)


def check_noise_memorization(runs: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The final noise margin that is nearest to leaving [1, its logarithmic ceiling]."""

    def look(group: RunGroup) -> Sequence[JudgedRun]:
        trajectories, entries = group.trajectories, []
        scope = met(group, NOISE_MEMORIZATION.assumptions)
        for run, (draw, assumed) in enumerate(zip(initial_draws(trajectories), scope, strict=True)):
            ceiling = predict_noise_margin_ceiling(group.setting, draw, float(trajectories.final_time[run]))
            predicted = Prediction(Interval(1.0, ceiling).outward(), assumed, 1.0)
            error = group.flow_error.noise_margin
            entries += [
                per_run(group, run, predicted, margin, relative_error=error)
                for margin in trajectories.final_noise_margins[run]
            ]
        return entries

    return nearest_to_violation(runs.main, look, failure_probability)


CHECKED = (
    CheckedClaim(
        FIRST_MEMORIZATION,
        check_first_memorization_time,
        (
            # Of the flows alone: told half of λ, descent's brackets come apart, which takes minutes.
            NegativeControl(
                "constant_halved",
                "half of λ",
                lambda runs: replace(runs, main=runs.ladder),
                partial(check_first_memorization_time, predict=_AT_HALF_THE_WEIGHT),
            ),
            with_wrong("exponent_off", "‖ξ‖² of order σ² d^1.1 in place of σ² d", predict=_with_longer_noise),
            ONE_UNATTACKED,
        ),
        needs=("main", "standard"),
        numeric=lambda **numbers: leading_memorization_time(*one_neuron(**numbers)),
    ),
    CheckedClaim(
        STAGE_ORDER,
        every_run("main", Interval.at_most(BELOW_ONE), _order, STAGE_ORDER.assumptions),
        (
            judged_on("noise_first", "main", "adversarial_only"),
            slipped_in("one_noise_first", "main", "adversarial_only"),
        ),
        needs=("main", "adversarial_only"),
    ),
    CheckedClaim(
        NOISE_MEMORIZATION,
        check_noise_memorization,
        (judged_on("standard_runs", "main", "standard"), ONE_UNATTACKED),
        needs=("main", "standard"),
    ),
)


def three_stages(runs: TrainedEvidence) -> Figure:
    """The margins of the first run over time, on two scales; the stages by the leading-order times of its draw."""
    trajectories, run = runs.main[0].trajectories, 0
    setting, draw = trajectories.setting, initial_draw(trajectories, run)
    times = trajectories.checkpoint_times
    alive = (times > 0) & np.isfinite(trajectories.signal[run])
    x = np.append(times[alive], trajectories.final_time[run]).tolist()
    signal = np.append(trajectories.signal[run, alive], trajectories.final_signal[run])
    noise = np.vstack([trajectories.noise_margins[run, alive], trajectories.final_noise_margins[run]])
    margins = [
        (r"signal margin $\alpha^q U$", setting.clean_gain * signal, 0),
        (r"its attacked part $\kappa^q \alpha^q U$", attacked_signal_margin(setting, signal), 2),
        *(
            (("" if i else f"noise margins $V_i$ ({noise.shape[1]} points)"), each, 1)
            for i, each in enumerate(noise.T)
        ),
    ]
    first, last = leading_signal_time(setting, draw), leading_memorization_time(setting, draw)
    stages = (
        Marker("I: the signal is learned, until the predicted $T_I$", x[0], until=first, colour=0),
        Marker("II: stagnation, clean points are right and no noise is memorized", first, until=last, colour=7),
        Marker("III: noise is memorized, from the predicted $T_{III}$ on", last, until=x[-1], colour=1),
        Marker("margin 1: learned, memorized", 1.0, axis="y"),
    )

    def panel(title: str, y_scale: Literal["linear", "log"]) -> Panel:
        """On a logarithmic scale only what is positive is drawn."""
        series = (
            Series(
                label,
                x,
                np.where(values > 0, values, np.nan).tolist() if y_scale == "log" else values.tolist(),
                colour,
                faint=colour == 1,
            )
            for label, values, colour in margins
        )
        return Panel(title, "time (η · step)", "margin", tuple(series), stages, "log", y_scale, "below")

    caption = (
        "Growth of the signal, stagnation, memorization of every point's noise, in one run. The part of the "
        "signal that the attack leaves stays far below 1: attacked points are right only once their noise is "
        "memorized, and a fresh attacked point has none that is. The stages are shaded by the leading-order "
        "times, computed from the initial draw."
    )
    names = ("signal_time", "signal_plateau", "first_memorization_time", "stage_order", "noise_memorization")
    return Figure(
        "theorem_1_three_stages",
        "Three stages of adversarial training",
        caption,
        (
            panel(f"One run, d = {setting.patch_dimension:,}", "linear"),
            panel("The same on a logarithmic scale", "log"),
        ),
        tuple(f"theorem_1.{name}" for name in names),
    )
