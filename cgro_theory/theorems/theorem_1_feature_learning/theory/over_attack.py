"""What theorem 1 predicts for an attack stronger than the signal, κ < 0 (docs/theory/over_attack.md, section 9).

With c = |κ|^q the signal margin z is driven towards one root, whose sign is that of 1 - λ - λc. Everything here
holds for the gradient flow under ``transfer``. No torch, no training.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from cgro_theory.claims import EvaluatedCondition, Interval, Prediction, unmet
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.lemmas.theory.common_clock import clock_between, flow_projections

from .conditions import OVER_ATTACK, SMALL_BEFORE_ARRIVAL, STAYS_SMALL
from .memorization import MOST_NOISE, leading_memorization_time
from .noise_growth import MemorizationBracket, enclose_noise_clock
from .signal import InitialDraw, evaluated, initial_margin_size, signed_power

Array = NDArray[np.float64]

SMALL = 0.01
"""Noise margins below this hardly move the root: until one reaches it the bracket of z is narrow."""
LONGEST = 4.0
"""The noise is followed for this many times the leading order of its first memorization."""
CELLS = 4_000
"""Cells of the signal's way to its root, and of a range of z; the bounds hold for any number."""
SLACK = 1e-9
"""Relative outward slack of every number that is computed in float64."""


def turned_gain(setting: PatchSetting) -> float:
    """c = |κ|^q, the factor of -z in an attacked margin."""
    return float(abs(setting.attacked_signal_fraction) ** setting.degree)


def signal_drive(setting: PatchSetting, margin: Array, noise_margin: float) -> Array:
    """G of one point: (1-λ) ψ(z + V) - λc ψ(-cz + V), strictly falling in z. Any shape."""
    weight, gain = setting.adversarial_weight, turned_gain(setting)
    clean = (1.0 - weight) * expit(-margin - noise_margin)
    return np.asarray(clean - weight * gain * expit(gain * margin - noise_margin))


def resting_margin(setting: PatchSetting, noise_margin: float = 0.0) -> float:
    """ρ(V): the z with (1-λ) ψ(z + V) = λc ψ(-cz + V). Needs κ < 0, 0 < λ < 1.

    >>> setting = PatchSetting.version_1(10**8, attacked_signal_fraction=-0.7, adversarial_weight=0.3)
    >>> round(resting_margin(setting), 3), round(memorized_margin(setting), 3)
    (2.198, 1.428)
    """
    # In logarithms neither side is lost where both are tiny.
    gain, ratio = turned_gain(setting), _log_ratio(setting)

    def excess(margin: float) -> float:
        clean, attacked = margin + noise_margin, -gain * margin + noise_margin
        return ratio - float(np.logaddexp(0.0, clean)) + float(np.logaddexp(0.0, attacked))

    # excess falls in z with slope between -(1+c) and 0; its root has the sign of ``ratio``.
    if ratio == 0.0:
        return 0.0
    end = math.copysign(1.0, ratio)
    while excess(end) * ratio > 0.0:
        end *= 2.0
    return float(brentq(excess, *sorted((0.0, end)), xtol=1e-15, rtol=1e-14))


def memorized_margin(setting: PatchSetting) -> float:
    """z_∞ = log((1-λ)/(λc))/(1+c), the root where every V_i is large."""
    return _log_ratio(setting) / (1.0 + turned_gain(setting))


def _log_ratio(setting: PatchSetting) -> float:
    """log((1-λ)/(λc)); its sign is the root's."""
    weight, kept = setting.adversarial_weight, abs(setting.attacked_signal_fraction)
    return math.log((1.0 - weight) / weight) - setting.degree * math.log(kept)


def collapse_boundary(weight: float, degree: int) -> float:
    """κ_- = -((1-λ)/λ)^(1/q): for κ below, the signal goes to the wrong side. Needs 0 < λ < 1.

    >>> round(collapse_boundary(0.9, 3), 4)
    -0.4807
    """
    return -float(((1.0 - weight) / weight) ** (1.0 / degree))


def noise_pull(setting: PatchSetting, margin: float) -> float:
    """(1-λ) ψ(z) + λ ψ(-cz), what pulls at the noise while V is small; at z_0 it is λ(1+c) ψ(-c z_0)."""
    weight, gain = setting.adversarial_weight, turned_gain(setting)
    return (1.0 - weight) * float(expit(-margin)) + weight * float(expit(gain * margin))


def leading_over_attack_time(setting: PatchSetting, draw: InitialDraw) -> float:
    """The first memorization at leading order: T_III (½λ)/(λ(1+c) ψ(-c z_0))."""
    plain, pull = leading_memorization_time(setting, draw), noise_pull(setting, resting_margin(setting))
    return plain * setting.adversarial_weight / (2.0 * pull)


def root_conditions(setting: PatchSetting, draw: InitialDraw) -> tuple[EvaluatedCondition, ...]:
    """What all that follows assumes of the parameters and the draw, with their numbers."""
    stated = evaluated(OVER_ATTACK[:-2], setting, draw)
    if unmet(stated):
        return stated
    rest, side = memorized_margin(setting), 1.0 if memorized_margin(setting) > 0.0 else -1.0
    towards = float((side * draw.signal_projections).max())
    numbers = {"u_towards": towards, "z_0": initial_margin_size(setting, draw), "z_rest": rest}
    more = OVER_ATTACK[-2:]
    return (*stated, *(each.given(**{name: numbers[name] for name in each.symbols}) for each in more))


@dataclass(frozen=True)
class PlateauBracket:
    """Where z is, from the draw alone (times in units of η·step, of the gradient flow).

    Attributes:
        arrival: z has come to ``narrow`` by this time, from 0.
        small_until: every |V_i| is at most SMALL until this time at least.
        narrow: holds z between the two.
        wide: holds z from ``arrival`` to the horizon asked for, whatever is memorized.
        first: encloses the first memorization time; its upper end inf where that was not shown.
        assumed: conditions with their numbers.
    """

    arrival: float
    small_until: float
    narrow: Interval
    wide: Interval
    first: Interval
    assumed: tuple[EvaluatedCondition, ...]


def plateau_bracket(setting: PatchSetting, draw: InitialDraw, horizon: float) -> PlateauBracket | None:
    """Enclose z and the first memorization time of the flow up to ``horizon``; None where an assumption of
    :func:`root_conditions` fails or more than MOST_NOISE patches would be followed.

    z moves towards the root of the mean of the points' drives, which lies between the roots of the smallest and of
    the largest V_i. So no z that has entered [ρ(V_high), ρ(V_low)] (mirrored for λc > 1 - λ) leaves it while
    V_low <= V_i <= V_high: there is no lag to allow for.
    """
    assumed = root_conditions(setting, draw)
    if unmet(assumed) or setting.num_noise > MOST_NOISE:
        return None
    clock = _noise_clock(replace(setting, adversarial_weight=1.0, attacked_signal_fraction=0.0), draw)
    near, far = resting_margin(setting, 2.0 * SMALL), resting_margin(setting, -SMALL)
    arrival = _arrival(setting, draw, near)
    depth = noise_depth(setting, draw, horizon)
    start = math.copysign(initial_margin_size(setting, draw), near)
    # The noise's clock is Θ = ∫ p(z) dt, p the pull at V = 0: before z has arrived that of any z on the way.
    before, narrow = _pulls(setting, -start, far), _pulls(setting, near, far)
    small_until = clock.small / narrow.high - arrival * max(0.0, before.high / narrow.high - 1.0)
    assumed += (
        SMALL_BEFORE_ARRIVAL.given(T_arrival=arrival, T_small=small_until),
        STAYS_SMALL.given(w=depth),
    )
    ends = memorized_margin(setting), resting_margin(setting, -depth) if math.isfinite(depth) else math.inf
    return PlateauBracket(
        arrival=arrival,
        small_until=small_until,
        narrow=_between(near, far),
        wide=_between(*ends) if math.isfinite(ends[1]) else Interval(-math.inf, math.inf),
        first=_first(setting, clock, arrival, small_until, narrow),
        assumed=assumed,
    )


@functools.lru_cache(1024)
def _noise_clock(attack_free: PatchSetting, draw: InitialDraw) -> MemorizationBracket:
    """The noise in its own clock, which knows neither λ nor κ: made once for all attacks on a draw."""
    leading = leading_memorization_time(attack_free, draw) / 2.0  # the clock runs at ½ there
    return enclose_noise_clock(attack_free, [draw], [LONGEST * leading], SMALL)[0]


def predict_over_attack_time(setting: PatchSetting, draw: InitialDraw) -> Prediction:
    """Enclosure of the flow's first memorization time for κ < 0, with its leading order."""
    assumed = root_conditions(setting, draw)
    if unmet(assumed):
        return Prediction(None, assumed)
    leading = leading_over_attack_time(setting, draw)
    bracket = plateau_bracket(setting, draw, 2.0 * leading) if 0.0 < leading < math.inf else None
    if bracket is None:
        return Prediction(None, assumed, leading)
    known = not unmet(bracket.assumed) and math.isfinite(bracket.first.high)
    return Prediction(bracket.first.outward() if known else None, bracket.assumed, leading)


def noise_depth(setting: PatchSetting, draw: InitialDraw, horizon: float) -> float:
    """w with every V_i >= -w until ``horizon``, in the flow with κ < 0; inf where none is found.

    In the basis of the noise patches v moves by GW with W >= 0 rising; X bounds every ‖G_kk W_k‖_q. Then a
    patch's negative part is at most ν_k = ‖s_k(0)^-‖_q + r_k X, r_k = Σ_{l≠k} |G_kl|/G_ll, its whole ‖s_k‖_q at
    most η_k + X, and e^((X-ν)^q) grows by at most C (X + η)^(2q-2) per unit of time: the pull falls like
    e^-V. The smallest X that this maps below itself is never passed (docs/theory/over_attack.md).
    """
    degree, patches = setting.degree, setting.noise_patches
    signed = draw.signed_preactivations(patches)
    lengths = np.diag(draw.noise_gram)
    coupling = np.abs(draw.noise_gram / lengths[None, :])
    ratio = coupling.sum(axis=1) - 1.0
    negative = _norm(np.minimum(signed, 0.0), degree)
    whole, gain, top = _norm(signed, degree), turned_gain(setting), 0.0
    for _ in range(200):
        nu, eta = negative + ratio * top, whole + ratio * top
        depth = float((nu**degree).reshape(-1, patches).sum(axis=1).max())
        if not depth < 100.0:
            return math.inf
        rest, start = resting_margin(setting, -depth), initial_margin_size(setting, draw)
        # ψ̃ <= e^-V max(e^-z, e^cz), z between its start and the root.
        eased = depth + (max(start, gain * rest) if rest > 0.0 else max(-rest, gain * start))
        speed = degree**2 * lengths / setting.num_samples * (top + eta) ** (2 * degree - 2)
        log_growth = np.logaddexp(0.0, math.log(horizon) + np.log(speed) + eased)
        needed = float((nu + log_growth ** (1.0 / degree)).max()) * (1.0 + SLACK)
        if needed <= top:
            return depth * (1.0 + SLACK)
        top = needed * (1.0 + 1e-6)
    return math.inf


def _norm(values: Array, degree: int) -> Array:
    """‖·‖_q of every row."""
    return np.asarray((np.abs(values) ** degree).sum(axis=1) ** (1.0 / degree))


def _arrival(setting: PatchSetting, draw: InitialDraw, target: float) -> float:
    """A time by which z has come from its start to ``target``, while every V_i <= SMALL.

    In the signal's clock (2.2.5) U is known; a cell of that clock takes at most its length over the drive at the
    cell's end, as the drive shrinks on the way to the root and as V grows.
    """
    degree, side = setting.degree, math.copysign(1.0, target)
    projections, gain = side * draw.signal_projections, setting.clean_gain
    largest = float(projections.max())
    against = float((np.maximum(-projections, 0.0) ** degree).sum())
    needed = float((abs(target) / gain + against) ** (1.0 / degree))
    if needed <= largest:
        return 0.0
    leader = np.geomspace(largest, (1.0 + 1e-6) * needed, CELLS)  # surely reaches the target, rounding or not
    signal = gain * signed_power(flow_projections(projections, leader, degree), degree).sum(axis=1)
    last = min(int(np.searchsorted(signal, abs(target))), CELLS - 1)
    ends = np.minimum(signal[1 : last + 1], abs(target))
    drive = np.abs(signal_drive(setting, side * ends, SMALL)) * gain
    return float((clock_between(leader[:last], leader[1 : last + 1], degree) / drive).sum()) * (1.0 + SLACK)


def _pulls(setting: PatchSetting, one: float, other: float) -> Interval:
    """Bounds of the pull on the noise at V = 0, for z between two numbers, cell by cell."""
    margins: Array = np.linspace(min(one, other), max(one, other), CELLS)
    weight, gain = setting.adversarial_weight, turned_gain(setting)
    clean, attacked = (1.0 - weight) * expit(-margins), weight * expit(gain * margins)
    least, most = (clean[1:] + attacked[:-1]).min(), (clean[:-1] + attacked[1:]).max()
    return Interval(float(least) * (1.0 - SLACK), float(most) * (1.0 + SLACK))


def _first(
    setting: PatchSetting, clock: MemorizationBracket, arrival: float, small_until: float, narrow: Interval
) -> Interval:
    """The first memorization time, from its clock Θ: narrowly clocked while V is small, then by z between ρ(1) and
    ρ(-deepest)."""
    wide = _pulls(setting, resting_margin(setting, 1.0), resting_margin(setting, -clock.deepest))
    low = max(0.0, small_until) + max(0.0, clock.first.low - clock.small) / wide.high
    high = arrival + clock.small / narrow.low + (clock.first.high - clock.small) / wide.low
    return Interval(min(low, high), high)


def _between(one: float, other: float) -> Interval:
    low, high = sorted((one, other))
    return Interval(low - SLACK * abs(low), high + SLACK * abs(high))
