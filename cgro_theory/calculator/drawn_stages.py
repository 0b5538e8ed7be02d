"""Theorem 1's stages for one initial draw: the room's enclosures, from the draw of ``cgro simulate --seed``.

Every condition is decided for this draw. Where κ is above the enclosure of κ*, no memorization time is named.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from cgro_theory.calculator.answer import Answer, Assumed, Direction, Quantity, Term
from cgro_theory.calculator.over_attack import is_over_attacked, never_learned, no_attack_note, root_quantities
from cgro_theory.calculator.plateau import plateau_quantities
from cgro_theory.calculator.stages import parameter_conditions
from cgro_theory.claims import Condition, Interval, Prediction
from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.setting.initial_draw import InitialDraw, draw_subspace
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import predict_memorization_boundary
from cgro_theory.theorems.theorem_1_feature_learning.theory.cascade import follow_cascade
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import (
    BELOW_BOUNDARY,
    RACE_HORIZON,
    WITHIN_FLOATS,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.memorization import (
    leading_memorization_time,
    predict_first_memorization_time,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.over_attack import predict_over_attack_time
from cgro_theory.theorems.theorem_1_feature_learning.theory.overfitting import predict_overfitting_boundary
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import (
    plateau_signal_margin,
    predict_signal_time,
    signed_power,
)

MAX_NOISE_PATCHES = 4000
"""n = NJ of a draw: its Gram matrix has n² entries."""
RANGE = (1e-300, 1e300)
"""Where the sizes of a draw have to lie: it is made of floats."""
_TIME = "η·step"
IN_FLOATS = (
    "an enclosure here is evaluated in float64 with room for rounding, not in interval arithmetic; "
    "`cgro certify` proves one training in balls"
)

BELOW_KAPPA_STAR = Condition(
    "below κ*", "kappa_1_high < kappa_star_low", "the estimate of κ_1 lies below κ* of this draw"
)


def subspace_draw(setting: PatchSetting, seed: int) -> InitialDraw:
    """The initial draw of the subspace engine for this seed, in the same order of random words (theory.md 2.2.3).

    Needs d - 1 >= n + m, n, m <= 4000, and α^q, σ²d, σ0 and σ0σ√d in [1e-300, 1e300], else raises
    :class:`InvalidInput`.
    """
    require_integer("seed", seed, 0)
    check_drawable(setting)
    return draw_subspace(setting, seed).initial


def check_drawable(setting: PatchSetting) -> None:
    """Refuse a setting whose draws are too large, or leave the floats."""
    _check_sizes(setting)
    noise, width = setting.num_noise, setting.width
    if noise > MAX_NOISE_PATCHES:
        most = MAX_NOISE_PATCHES // setting.noise_patches
        name, value = ("num_samples", setting.num_samples) if most else ("num_patches", setting.num_patches)
        allowed = f"<= {most or MAX_NOISE_PATCHES + 1} for a draw, which holds {MAX_NOISE_PATCHES} noise patches"
        raise InvalidInput(name, value, allowed)
    if width > MAX_NOISE_PATCHES:
        raise InvalidInput("width", width, f"<= {MAX_NOISE_PATCHES} for a draw")


def _check_sizes(setting: PatchSetting) -> None:
    log_length = math.log(setting.noise_std) + 0.5 * math.log(setting.patch_dimension)
    sizes = (
        ("signal_strength", "α^q", setting.degree * math.log(setting.signal_strength)),
        ("noise_std", "σ²d", 2.0 * log_length),
        ("init_std", "σ0", math.log(setting.init_std)),
        ("init_std", "σ0σ√d", math.log(setting.init_std) + log_length),
    )
    low, high = (math.log(end) for end in RANGE)
    for name, symbol, log_size in sizes:
        if not low <= log_size <= high:
            value = getattr(setting, name)
            raise InvalidInput(name, value, f"one with {symbol} in [{RANGE[0]:g}, {RANGE[1]:g}], for a draw")


_LEFT_FLOATS = Prediction(None, (WITHIN_FLOATS.given(T_lead=math.inf),))
"""The prediction where a number on the way overflows or is lost as NaN."""


def _within_floats(predict: Callable[..., Prediction], *arguments: Any) -> Prediction:
    """The prediction, as far as floats carry it."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        try:
            return predict(*arguments)
        except OverflowError:
            return _LEFT_FLOATS
        except InvalidInput as error:
            if error.name != "interval":
                raise
            return _LEFT_FLOATS


def drawn_stages(setting: PatchSetting, seed: int, learning_rate: float = 0.0) -> Answer:
    """Enclosures of T_I, T_III and κ*, and an estimate of κ_1, for the draw of ``seed``.

    ``learning_rate`` η >= 0 of descent; 0 is its gradient flow, for which κ_1 and κ* are. A quantity whose
    assumption fails has no enclosure, and its note says which; T_III has none for κ above that of κ*.

    >>> time = drawn_stages(PatchSetting.version_1(10**6), seed=0)["signal_time"]
    >>> time.low < time.high
    True
    """
    if require_finite("learning_rate", learning_rate) < 0.0:
        raise InvalidInput("learning_rate", learning_rate, ">= 0")
    draw = subspace_draw(setting, seed)
    signal = _within_floats(predict_signal_time, setting, draw, learning_rate)
    # Beyond α nothing outruns the noise, and its clock is another; the enclosure there is of the flow.
    over = is_over_attacked(setting) and learning_rate == 0.0
    memory = (
        _within_floats(predict_over_attack_time, setting, draw)
        if over
        else _within_floats(predict_first_memorization_time, setting, draw, learning_rate)
    )
    never = unlearned(setting, draw)
    # Without an attacked loss nothing is memorized, and the boundaries have no time scale.
    raced = setting.adversarial_weight > 0.0
    race = _within_floats(predict_memorization_boundary, setting, draw) if raced else None
    below = _below_boundary(setting, race, memory)
    quantities = [
        _signal_time(signal, never),
        _memorization_time(memory, below, over),
        *root_quantities(setting),
    ]
    if race is not None:
        quantities += _boundaries(setting, draw, race, below)
    parameters = setting.to_json() | {"seed": seed, "learning_rate": learning_rate}
    note = f"draw of seed {seed}; learning rate {learning_rate:g}" + ("" if learning_rate else ": gradient flow")
    enclosed = any(each.direction is Direction.ENCLOSURE for each in quantities)
    conditions = (
        *parameter_conditions(setting),
        *_draw_conditions(setting, draw),
        below,
        _stage_order(signal, memory, below, never),
    )
    notes = (note, *((IN_FLOATS,) if enclosed else ()), *no_attack_note(setting))
    return Answer("stages", parameters, tuple(quantities), conditions, notes)


def _draw_conditions(setting: PatchSetting, draw: InitialDraw) -> tuple[Assumed, ...]:
    signed = draw.signed_preactivations(setting.noise_patches).reshape(setting.num_samples, -1)
    favoured = bool((signed.max(axis=1) > 0.0).all())
    return (
        Assumed("width", "every point of this draw has a neuron with y v(0) > 0", favoured),
        Assumed(
            "positive neuron", "some neuron of this draw has u_r(0) > 0", bool(draw.signal_projections.max() > 0.0)
        ),
    )


def _meanings(prediction: Prediction) -> str:
    return "; ".join(each.condition.meaning for each in prediction.unmet)


def _lost_the_race(memory: Prediction) -> bool:
    return any(each.condition is BELOW_BOUNDARY for each in memory.unmet)


def _below_boundary(setting: PatchSetting, race: Prediction | None, memory: Prediction) -> Assumed:
    """κ < κ*, against the enclosure of κ*; None where κ lies inside it or there is none, unless T_III decides."""
    raced = _lost_the_race(memory)
    if race is None or race.interval is None:
        why = (
            "λ = 0"
            if race is None
            else "; ".join(f"not met: {each.condition.meaning}" for each in race.unmet) or "none was found"
        )
        return Assumed(
            "memorization",
            f"κ < κ*: memorization comes first (κ* has no enclosure: {why})",
            False if raced else None,
        )
    kappa, ends = setting.attacked_signal_fraction, race.interval
    met = True if kappa <= ends.low else (False if raced or kappa >= ends.high else None)
    where = f"[{ends.low:.6g}, {ends.high:.6g}]"
    return Assumed("memorization", f"κ < κ*, for the gradient flow in {where}: memorization comes first", met)


def unlearned(setting: PatchSetting, draw: InitialDraw) -> str:
    """Why z of this draw never comes to 1, at leading order; empty where it may, or begins there."""
    start = setting.clean_gain * float(signed_power(draw.signal_projections, setting.degree).sum())
    return never_learned(setting) if start < 1.0 else ""


def _stage_order(signal: Prediction, memory: Prediction, below: Assumed, never: str) -> Assumed:
    """By the enclosures; a T_III that never comes, or not within the time that was followed, is last."""
    ordered, last = None, memory.interval
    if below.met is False:
        last = Interval(RACE_HORIZON * memory.leading_order if _lost_the_race(memory) else math.inf, math.inf)
    if last is not None:
        ordered = False if never else None if signal.interval is None else _ordered(signal.interval, last)
    return Assumed("stage order", f"T_I < T_III for this draw{'' if never else ', by the enclosures'}", ordered)


def _signal_time(signal: Prediction, never: str) -> Quantity:
    formula, label = "first time with α^q U >= 1", "theorem_1.signal_time"
    found = _enclosed("signal_time", signal, formula, label, _TIME)
    if not never:
        return found
    return replace(
        found,
        value=None,
        low=None,
        high=None,
        leading_order=None,
        direction=Direction.LEADING_ORDER,
        note=never,
        absent="never",
    )


def _ordered(first: Interval, second: Interval) -> bool | None:
    if first.high < second.low:
        return True
    return False if second.high <= first.low else None


def _memorization_time(memory: Prediction, below: Assumed, over: bool = False) -> Quantity:
    """T_III's enclosure; "not memorized" for κ above the enclosure of κ*."""
    kind = "over_attack_memorization_time" if over else "first_memorization_time"
    formula, label = "first time with some V_i >= 1", f"theorem_1.{kind}"
    if below.met is False:
        return Quantity(
            "memorization_time",
            None,
            Direction.LEADING_ORDER,
            formula,
            f"theory.md 2.4, {label}",
            _TIME,
            note=_why_not_memorized(memory),
            absent="not memorized",
        )
    return _enclosed("memorization_time", memory, formula, label, _TIME)


def _why_not_memorized(memory: Prediction) -> str:
    if _lost_the_race(memory):
        times = f"{RACE_HORIZON:g} times the leading order"
        return f"κ is not below κ* of this draw: no V_i reaches 1 within {times} {memory.leading_order:.6g}"
    if memory.unmet:
        return f"not met: {_meanings(memory)}"
    return "κ is above the enclosure of κ*: the attacked signal is learned first"


def _boundaries(setting: PatchSetting, draw: InitialDraw, race: Prediction, below: Assumed) -> list[Quantity]:
    time = leading_memorization_time(setting, draw)
    plateau = plateau_signal_margin(setting, time) if np.isfinite(time) else 0.0
    quantities = [
        *plateau_quantities(
            setting,
            plateau if plateau > 0.0 else None,
            (Term("T_III", time, "leading order of this draw"),),
            memorized=below.met is not False,
        )
    ]
    end = float(follow_cascade(setting, draw).times.max()) if setting.adversarial_weight > 0.0 else math.inf
    if not np.isfinite(end):
        return quantities
    quantities.append(
        _enclosed(
            "overfitting_boundary",
            _below_memorization_s_end(_within_floats(predict_overfitting_boundary, setting, draw), race),
            "κ_1: P(|V| > κ^q z) = ½ for a fresh point",
            "theorem_1.overfitting_boundary",
            note=f"for a run that ends when every point is memorized, at {end:.6g} by the cascade. Not proved: it "
            "takes each point as memorized by one neuron within a tenth of its time; the median of |V| is sampled",
            direction=Direction.ESTIMATE,
        )
    )
    if setting.degree > 2:
        formula, label = "κ*: T_R(κ) = T_III, the race of two blow-ups", "theorem_1.phase_boundary"
        quantities.append(_enclosed("memorization_boundary", race, formula, label))
    return quantities


def _below_memorization_s_end(estimate: Prediction, race: Prediction) -> Prediction:
    """The estimate of κ_1 where it lies below κ*; beyond, points are not memorized as it takes them to be."""
    if estimate.interval is None or race.interval is None:
        return estimate
    below = BELOW_KAPPA_STAR.given(kappa_1_high=estimate.interval.high, kappa_star_low=race.interval.low)
    kept = estimate.interval if below.met else None
    return replace(estimate, interval=kept, assumed=(*estimate.assumed, below))


def _enclosed(
    name: str,
    prediction: Prediction,
    formula: str,
    label: str,
    unit: str = "",
    note: str = "",
    direction: Direction = Direction.ENCLOSURE,
) -> Quantity:
    """Both ends with the leading order beside them, or the leading order alone with what is not met.

    What is only estimated has no value at all where its assumptions are not met.
    """
    leading = prediction.leading_order if math.isfinite(prediction.leading_order) else None
    source = f"theory.md {'9' if 'over_attack' in label else '2.4'}, {label}"
    ends = prediction.interval
    if ends is None:
        missing = f"no {direction.value}: "
        missing += f"not met: {_meanings(prediction)}" if prediction.unmet else "none was found for this draw"
        if prediction.unmet and direction is Direction.ESTIMATE:
            missing = missing.removeprefix("no estimate: ")
            none = Direction.LEADING_ORDER
            return Quantity(name, None, none, formula, source, unit, note=missing, absent="no estimate")
        return Quantity(name, leading, Direction.LEADING_ORDER, formula, source, unit, note=missing)
    return Quantity(
        name,
        None,
        direction,
        formula,
        source,
        unit,
        low=ends.low,
        high=ends.high,
        note=note,
        leading_order=leading,
    )
