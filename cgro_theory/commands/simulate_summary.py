"""What ``cgro simulate`` prints: what was learned when, as predicted or not, which phase, which errors."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cgro_theory.calculator.answer import Direction
from cgro_theory.calculator.drawn_stages import unlearned
from cgro_theory.calculator.over_attack import is_over_attacked
from cgro_theory.calculator.stages import stages
from cgro_theory.claims import Prediction
from cgro_theory.claims.card import listed
from cgro_theory.commands.bound_text import format_value
from cgro_theory.errors import InvalidInput
from cgro_theory.report.text import format_number
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import first_memorization, initial_draws
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import BELOW_BOUNDARY
from cgro_theory.theorems.theorem_1_feature_learning.theory.memorization import predict_first_memorization_times
from cgro_theory.theorems.theorem_1_feature_learning.theory.over_attack import predict_over_attack_time
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import InitialDraw, predict_signal_time
from cgro_theory.trainer.trajectories import Trajectories

MOST_ROWS = 8
"""Runs with a row of their own; each takes about a tenth of a second to predict."""
FLOW_ERROR = 100.0
"""Relative error that a flow's times are allowed, in units of its tolerance: enclosures can be narrower.

A wide margin by choice, not a fit: tried by hand against 1e-11, 20 networks were off by 6.4 at most.
"""
OVERFITTED = 0.25
"""The robust test error that parts robust overfitting from robust generalization (theory.md 2.4, κ_1)."""


UNLEARNED = "signal below 1"
"""Of a phase beyond α, where the signal rests; the z that the runs end with is written in its place."""


def summary_text(trajectories: Trajectories, document: Mapping[str, Any]) -> str:
    """The runs of a ``cgro-trajectories/1`` document in words, at most 80 columns wide."""
    setting = trajectories.setting
    lines = [
        f"d = {listed(setting.patch_dimension)}, N = {setting.num_samples}, P = {setting.num_patches}, "
        f"m = {setting.width}, q = {setting.degree}, λ = {setting.adversarial_weight:g}, "
        f"κ = {setting.attacked_signal_fraction:.4g}",
        "",
        *_times(trajectories),
        "",
        *_errors([run["final"] for run in document["runs"] if run["final"] is not None]),
        "",
        *_phases(trajectories, document),
    ]
    return "\n".join(lines) + "\n"


def predicted_times(trajectories: Trajectories, runs: int) -> list[tuple[Prediction, Prediction]]:
    """The enclosures of T_I and T_III for the draws of the first ``runs`` runs; none where no theorem is meant.

    They are for the fixed linear target, ``transfer``, in double precision; that of T_III beyond α for the flow.
    """
    if trajectories.adversary != AdversaryName.TRANSFER or trajectories.dtype != "float64":
        return []
    setting, rate = trajectories.setting, trajectories.learning_rate
    draws = initial_draws(trajectories)[:runs]
    signal = [prediction for draw in draws for prediction in _within_floats(_signal_times, setting, [draw], rate)]
    if is_over_attacked(setting) and rate == 0.0:
        noise = [found for draw in draws for found in _within_floats(_over_attack_times, setting, [draw], rate)]
    else:
        noise = [*_within_floats(predict_first_memorization_times, setting, draws, rate)]
    return list(zip(signal, noise, strict=True))


Predict = Callable[[PatchSetting, Sequence[InitialDraw], float], Sequence[Prediction]]


def _signal_times(setting: PatchSetting, draws: Sequence[InitialDraw], rate: float) -> list[Prediction]:
    return [predict_signal_time(setting, draw, rate) for draw in draws]


def _over_attack_times(setting: PatchSetting, draws: Sequence[InitialDraw], _: float) -> list[Prediction]:
    return [predict_over_attack_time(setting, draw) for draw in draws]


def _within_floats(
    predict: Predict, setting: PatchSetting, draws: Sequence[InitialDraw], rate: float
) -> Sequence[Prediction]:
    """The predictions, or none where the floats do not carry them."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        try:
            return predict(setting, draws, rate)
        except (OverflowError, InvalidInput):
            return [Prediction(None)] * len(draws)


def _times(trajectories: Trajectories) -> Iterator[str]:
    """One row per run, the first few, and over all of them how often what was reached."""
    first, learned = first_memorization(trajectories).tolist(), trajectories.signal_time.tolist()
    points = np.isfinite(trajectories.memorization_times).sum(axis=1)
    number, samples = trajectories.runs, trajectories.setting.num_samples
    shown = min(number, MOST_ROWS)
    predicted = predicted_times(trajectories, shown)
    resting = [bool(unlearned(trajectories.setting, draw)) for draw in initial_draws(trajectories)[:shown]]
    yield "run  signal learned at T_I             first point memorized at T_III    points"
    for run in range(shown):
        ends = [_ends(each) for each in predicted[run]] if predicted else ["", ""]
        if predicted and resting[run]:
            ends[0] = "stays below 1"
        signal, noise = (
            f"{_time(times[run]):<10} {end:<22}" for times, end in zip((learned, first), ends, strict=True)
        )
        yield f"{run + 1:>3}  {signal} {noise} {points[run]}/{samples}"
    if number > shown:
        yield f"     and {number - shown} more runs"
    brackets = "in brackets: predicted from the run's draw; " if predicted else ""
    yield f"     {brackets}times are η·step{_limit(trajectories)}"
    yield f"     signal learned in {np.isfinite(learned).sum()} of {number} runs{_range(learned)}"
    yield f"     some point memorized in {np.sum(points > 0)} of {number}{_range(first)}"
    yield f"     every point memorized in {np.sum(points == samples)} of {number}"
    yield _inside(predicted, FLOW_ERROR * trajectories.relative_tolerance, learned, first)


def _limit(trajectories: Trajectories) -> str:
    return "" if trajectories.method == "descent" else ", for η → 0"


def _inside(predicted: Sequence[tuple[Prediction, Prediction]], room: float, *measured: Sequence[float]) -> str:
    """How many of the times that have an enclosure lie in it, up to the relative error ``room`` of the flow."""
    pairs = [
        (prediction.interval, float(times[run]))
        for run, row in enumerate(predicted)
        for prediction, times in zip(row, measured, strict=True)
        if prediction.interval is not None
    ]
    if not pairs:
        return "     theorem 1 predicts no time for this setting, adversary, step or arithmetic"
    inside = sum(ends.low * (1.0 - room) <= time <= ends.high * (1.0 + room) for ends, time in pairs)
    up_to = f", up to the flow's error {room:.0e}" if room else ""
    return f"     {inside} of {len(pairs)} measured times lie in their brackets{up_to}"


def _errors(finals: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Median over the runs, with the least and greatest; of test errors, of the ends of their intervals."""
    if not finals:
        yield "errors at the end: no run has an end"
        return
    yield "errors at the end      train               test"
    names = {"clean": "clean", "robust": "robust, worst shift", "transfer": "fixed shift"}
    for name, words in names.items():
        train, test = ([final[f"{name}_{side}_error"] for final in finals] for side in ("train", "test"))
        ends = [end for final in finals for end in final[f"{name}_test_error_interval"]]
        shown = _spread(test, ends) if max(ends) > 0.0 else "below 1e-300"
        yield f"  {words:<21}{_spread(train):<20}{shown}"
    margins = [final["signal_margin"] for final in finals]
    noise = [min(final["noise_margins"]) for final in finals]
    yield f"  signal margin        {_spread(margins)}"
    yield f"  least noise margin   {_spread(noise)}"


def _spread(values: Sequence[float], ends: Sequence[float] = ()) -> str:
    """The median, and the least and the greatest of the values and the ends."""
    middle, low, high = (
        format_number(value, 3) for value in (np.median(values), min([*values, *ends]), max([*values, *ends]))
    )
    return middle if low == high else f"{middle} ({low} to {high})"


def _phases(trajectories: Trajectories, document: Mapping[str, Any]) -> Iterator[str]:
    """The phase that each run was seen in, and the one that leading orders name for the setting."""
    finals = [entry["final"] for entry in document["runs"]]
    phases = [_phase(trajectories, run, final) for run, final in enumerate(finals)]
    for phase, count in Counter(phases).most_common():
        margins = [
            final["signal_margin"] for own, final in zip(phases, finals, strict=True) if own == phase and final
        ]
        where = f"signal at z = {_spread(margins)}, below 1" if margins else ""
        told = f"phase seen in {count} of {trajectories.runs}: {phase.replace(UNLEARNED, where)}"
        yield from textwrap.wrap(told, 79, subsequent_indent="  ")
    told = _predicted_phase(trajectories.setting)
    if told:
        yield from textwrap.wrap(f"phase predicted: {told}", 79, subsequent_indent="  ")


def _phase(trajectories: Trajectories, run: int, final: Mapping[str, Any] | None) -> str:
    """What the run's end shows; robust overfitting is a robust test error of at least a quarter."""
    if final is None:
        return "no end: it diverged or its tolerance could not be met"
    memorized = int(np.isfinite(trajectories.memorization_times[run]).sum())
    everything = memorized == trajectories.setting.num_samples
    how_many = "memorization" if everything else "memorization in part" if memorized else "no memorization"
    learned = math.isfinite(trajectories.signal_time[run])
    signal = (
        "" if learned else f"{UNLEARNED if is_over_attacked(trajectories.setting) else 'signal not learned'}, "
    )
    if final["robust_test_error"] < OVERFITTED:
        return f"{signal}{how_many}, robust generalization"
    robust = "robust overfitting" if final["robust_train_error"] < OVERFITTED else "not robust"
    clean = (
        ", CGRO"
        if learned and everything and robust == "robust overfitting" and final["clean_test_error"] < OVERFITTED
        else ""
    )
    return f"{signal}{how_many}, {robust}{clean}"


def _predicted_phase(setting: PatchSetting) -> str:
    """By the leading orders of the typical draw; nothing where the calculator names none."""
    try:
        notes = stages(setting).notes
    except InvalidInput:
        return ""
    return next((note.removeprefix("phase: ") for note in notes if note.startswith("phase: ")), "")


def _time(value: float) -> str:
    return f"{value:.5g}" if math.isfinite(value) else "never"


def _ends(prediction: Prediction) -> str:
    """Both ends, rounded outward; of what theorem 1 says nothing, why."""
    interval = prediction.interval
    if interval is None:
        raced = any(each.condition is BELOW_BOUNDARY for each in prediction.unmet)
        return "κ not below κ*" if raced else "no enclosure"
    low, high = (
        format_value(end, digits=5, direction=direction)
        for end, direction in ((interval.low, Direction.LOWER), (interval.high, Direction.UPPER))
    )
    return f"[{low}, {high}]"


def _range(times: Sequence[float]) -> str:
    finite = [float(time) for time in times if math.isfinite(time)]
    low, high = (_time(end(finite, default=math.nan)) for end in (min, max))
    return "" if not finite else f", at {low}" if low == high else f", at {low} to {high}"
