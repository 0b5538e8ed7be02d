"""Theorem 1's stages for given parameters: T_I, the plateau, T_III, their exponents, and the boundaries in κ.

Without a draw these are leading orders at the *typical* initial draw: every maximum of n normal variables is
replaced by its expectation, every ‖ξ‖² by σ²(d-1). One draw's times scatter around them; :func:`drawn_stages` in
:mod:`drawn_stages` encloses those of one draw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import flint

from cgro_theory.calculator.answer import (
    BITS,
    Answer,
    Assumed,
    Direction,
    Quantity,
    Term,
    nearest,
    unmet_statements,
)
from cgro_theory.calculator.over_attack import (
    Roots,
    is_over_attacked,
    never_learned,
    no_attack_note,
    phase_words,
    root_quantities,
)
from cgro_theory.calculator.plateau import plateau_quantities
from cgro_theory.calculator.typical_draw import expected_maximum
from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.arb import exact, precision
from cgro_theory.setting.parameters import PatchSetting

MAX_NORMALS = 10**300
"""The most normal variables whose expected maximum is computed."""
_SECTION = "theory.md 2.4"
_TIME = "η·step"


@dataclass(frozen=True)
class RegimeExponents:
    """a, b and s of α = d^a, σ = d^b, σ0 = d^-s, for the exponents of the times."""

    signal: float
    noise: float
    init: float


def stages(setting: PatchSetting, exponents: RegimeExponents | None = None) -> Answer:
    """The three stages of theorem 1 and its phase boundaries at the typical draw, as leading orders.

    With ``exponents`` also the exponents of T_I and T_III in d. Times are in η·step. Accurate to 1e-12 of the
    formulas; what the formulas themselves leave out is what :func:`drawn_stages` encloses. No phase is claimed
    where an assumption is not met, and no T_III where κ is above κ*. Needs NJm <= 10^300.

    >>> answer = stages(PatchSetting.version_1(10**4))
    >>> answer["signal_time"].value < answer["memorization_time"].value
    True
    """
    with precision(BITS):
        typical = _Typical(setting)
        quantities = (
            _signal_time(setting, typical),
            _memorization_time(setting, typical),
            *plateau_quantities(
                setting,
                None if typical.margin is None else nearest(typical.margin)[0],
                (Term("2-2/q", 2.0 - 2.0 / setting.degree, "exponent of z"),),
                memorized=not typical.raced,
            ),
            *root_quantities(setting),
            _overfitting_boundary(setting, typical),
            _memorization_boundary(setting, typical),
            *(() if exponents is None else _exponents(setting, exponents)),
        )
        assumed = (*parameter_conditions(setting), *_typical_conditions(setting), typical.stage_order())
        notes = (_phase_note(setting, typical, assumed), *no_attack_note(setting))
        return Answer("stages", setting.to_json(), quantities, (*assumed, *typical.memorized()), notes)


def parameter_conditions(setting: PatchSetting) -> tuple[Assumed, ...]:
    """What theorem 1 assumes of the parameters, whatever the draw."""
    return (
        Assumed("mixed weight", "0 < λ < 1: both losses are trained on", 0.0 < setting.adversarial_weight < 1.0),
        Assumed("radius", "δ <= α: the attack leaves κ >= 0", setting.attacked_signal_fraction >= 0.0),
    )


def _typical_conditions(setting: PatchSetting) -> tuple[Assumed, ...]:
    """What it assumes of the draw, as far as parameters tell: a probability, and the sign of an expectation."""
    neurons = setting.width * setting.noise_patches
    with precision(BITS):
        lacking = nearest(exact(setting.num_samples) / flint.arb(2) ** neurons)[0]
    statement = (
        "every point has a neuron with y v(0) > 0 (statements about every point rest on it; T_I, T_III and κ* do "
        f"not): a draw fails with probability at most {min(1.0, lacking):.3g}"
    )
    ratio = setting.num_noise / (setting.patch_dimension - 1)
    coupling = 2.0 * math.sqrt(ratio) + ratio
    return (
        # With one such point or more to be expected, the typical draw itself fails.
        Assumed("width", f"{statement}, min(1, N 2^(-mJ))", False if lacking >= 1.0 else None),
        Assumed(
            "near orthogonality",
            f"n = NJ small against d: 2√(n/d) + n/d = {coupling:.3g} < 1, the norm of the noise patches' "
            "couplings in units of ‖ξ‖²; T_III and κ* leave them out, at a relative error of order √(n/d)",
            coupling < 1.0,
        ),
        Assumed("typical maximum", "m >= 2, so that the expected maximum of u_r(0) is > 0", setting.width >= 2),
    )


class _Typical:
    """The typical draw, and T_I, T_III, z and the boundaries there as balls (None: no such number)."""

    def __init__(self, setting: PatchSetting) -> None:
        self.alpha, self.sigma = exact(setting.signal_strength), exact(setting.noise_std)
        self.kappa, self.weight = exact(setting.attacked_signal_fraction), exact(setting.adversarial_weight)
        self.degree, self.count = setting.degree, setting.num_samples
        sigma_0 = exact(setting.init_std)
        if setting.num_noise * setting.width > MAX_NORMALS:
            raise InvalidInput("num_samples", setting.num_samples, "small enough for NJm <= 1e300")
        self.neuron_maximum = expected_maximum(setting.width)
        self.noise_maximum = expected_maximum(setting.num_noise * setting.width)
        self.projection = sigma_0 * exact(self.neuron_maximum)
        self.norm_squared = self.sigma**2 * (setting.patch_dimension - 1)
        self.preactivation = sigma_0 * self.norm_squared.sqrt() * exact(self.noise_maximum)
        attacked = abs(self.kappa * self.alpha) ** self.degree * (
            1 if setting.attacked_signal_fraction >= 0 else -1
        )
        self.gain = ((1 - self.weight) * self.alpha**self.degree + self.weight * attacked) / 2
        self.never = never_learned(setting)
        self.signal_time = None if self.never else self._time(self.projection, self.gain, self.alpha)
        pull = self.weight * self.norm_squared / (2 * self.count)
        self.memorization_time = self._time(self.preactivation, pull, flint.arb(1))
        """T_III by the clock λ/2: for κ < 0 the noise's is another, :meth:`first_memorization`."""
        self.margin = self._plateau()
        self.spread = self._fresh_spread(setting, sigma_0)
        self.overfitting, self.memorization = self._boundaries()
        self.raced = self.memorization is not None and not self.kappa <= self.memorization
        """Whether κ > κ*, so that nothing is memorized."""

    def first_memorization(self, setting: PatchSetting) -> flint.arb | None:
        """T_III, for κ < 0 by the clock λ(1+c)ψ(-c z_0)."""
        if self.memorization_time is None or not is_over_attacked(setting):
            return self.memorization_time
        return self.memorization_time * self.weight / (2 * Roots(setting).pull)

    def _time(self, start: flint.arb, gain: flint.arb, scale: flint.arb) -> flint.arb | None:
        """start^(2-q)/(q(q-2)·gain); for q = 2 log(1/(scale·start))/(2·gain), at least 0."""
        if not (start > 0 and gain > 0):
            return None
        if self.degree == 2:
            needed = -(scale * start).log() / 2
            return (needed if needed > 0 else flint.arb(0)) / gain
        return start ** (2 - self.degree) / (self.degree * (self.degree - 2) * gain)

    def _plateau(self) -> flint.arb | None:
        """The larger z of e^z = t q² α² (1-λ) z^(2-2/q) at t = T_III, by Lambert's W_-1; None if there is none."""
        if self.memorization_time is None or not self.weight < 1:
            return None
        scale = self.memorization_time * self.degree**2 * self.alpha**2 * (1 - self.weight)
        if not scale > flint.arb(1).exp():
            return None
        power = 2 - flint.arb(2) / self.degree
        return -power * (-(-scale.log() / power).exp() / power).lambertw(-1)

    def _fresh_spread(self, setting: PatchSetting, sigma_0: flint.arb) -> flint.arb:
        """std V of a fresh point, every V_i = 1 by one neuron each, the points shared out evenly."""
        initial = sigma_0**2 * self.sigma**2 * setting.patch_dimension
        added = self.sigma**2 / self.norm_squared
        each, more = divmod(setting.num_samples, setting.width)
        total = more * (initial + (each + 1) * added) ** self.degree
        total += (setting.width - more) * (initial + each * added) ** self.degree
        odd_factorial = 1
        for factor in range(1, 2 * self.degree, 2):
            odd_factorial *= factor
        return (setting.noise_patches * odd_factorial * total).sqrt()

    def _boundaries(self) -> tuple[flint.arb | None, flint.arb | None]:
        if self.memorization_time is None:
            return None, None
        margin = self.margin if self.margin is not None and self.margin > 1 else flint.arb(1)
        first = (self.spread / margin) ** (flint.arb(1) / self.degree)
        if self.degree == 2:
            return first, None
        plateau_weight = margin ** (flint.arb(1) / self.degree) / self.alpha
        race = self.norm_squared * self.preactivation ** (self.degree - 2) / self.count
        race /= self.alpha**self.degree * plateau_weight ** (self.degree - 2)
        return first, race ** (flint.arb(1) / self.degree)

    def stage_order(self) -> Assumed:
        """Whether the stages come in the paper's order; what never comes is last."""
        first, last, ordered = self.signal_time, self.memorization_time, None
        if last is not None and (self.never or first is not None):
            ordered = first is not None and (self.raced or bool(first < last))
        return Assumed("stage order", "T_I < T_III at the typical draw: signal first, noise last", ordered)

    def memorized(self) -> tuple[Assumed, ...]:
        """Whether T_III comes at all."""
        if self.memorization is None:
            return ()
        return (Assumed("memorization", "κ < κ* at leading order: memorization comes first", not self.raced),)


def _leading(
    name: str,
    ball: flint.arb | None,
    formula: str,
    label: str,
    terms: tuple[Term, ...],
    unit: str = "",
    note: str = "",
    absent: str = "",
) -> Quantity:
    value, log10 = (None, None) if ball is None else nearest(ball)
    return Quantity(
        name,
        value,
        Direction.LEADING_ORDER,
        formula,
        f"{'theory.md 9' if 'over_attack' in label else _SECTION}, {label}",
        unit,
        terms,
        log10=log10,
        note=note,
        absent=absent,
    )


def _term(name: str, ball: flint.arb, formula: str) -> Term:
    return Term(name, nearest(ball)[0], formula)


def _signal_time(setting: PatchSetting, typical: _Typical) -> Quantity:
    return _leading(
        "signal_time",
        typical.signal_time,
        "T_I = log(1/(α u_max))/(2g)" if setting.degree == 2 else "T_I = u_max^(2-q)/(q(q-2)·g)",
        "theorem_1.signal_time",
        (
            Term("expected maximum", typical.neuron_maximum, f"E max of m = {setting.width} normals"),
            _term("u_max", typical.projection, "σ0 · E max"),
            _term("g", typical.gain, "½[(1-λ)α^q + λφ_q(κα)]"),
        ),
        _TIME,
        absent="never" if typical.never else "",
        note=typical.never,
    )


def _memorization_time(setting: PatchSetting, typical: _Typical) -> Quantity:
    count = setting.num_noise * setting.width
    quadratic = "T_III = N log(1/v_0)/(2·½λ‖ξ‖²)"
    formula = quadratic if setting.degree == 2 else "T_III = N v_0^(2-q)/(q(q-2)·½λ‖ξ‖²)"
    over = is_over_attacked(setting)
    raced = typical.raced
    return _leading(
        "memorization_time",
        None if raced else typical.first_memorization(setting),
        formula.replace("½λ", "λ(1+c)ψ(-c z_0)") if over else formula,
        "theorem_1.over_attack_memorization_time" if over else "theorem_1.first_memorization_time",
        (
            Term("expected maximum", typical.noise_maximum, f"E max of NJm = {count} normals"),
            _term("v_0", typical.preactivation, "σ0 ‖ξ‖ · E max"),
            _term("‖ξ‖²", typical.norm_squared, "σ²(d-1)"),
        ),
        _TIME,
        note="κ > κ* at leading order: the attacked signal is learned first" if raced else "",
        absent="not memorized" if raced else "",
    )


def _overfitting_boundary(setting: PatchSetting, typical: _Typical) -> Quantity:
    return _leading(
        "overfitting_boundary",
        typical.overfitting,
        "κ_1 = (std V/max(1, z))^(1/q)",
        "theorem_1.overfitting_boundary",
        (_term("std V", typical.spread, "of a fresh point, all V_i = 1 by one neuron each"),),
        note="robust overfitting for κ well below, robust generalization for κ well above",
    )


def _memorization_boundary(setting: PatchSetting, typical: _Typical) -> Quantity:
    missing = "none for q = 2: there is no blow-up" if setting.degree == 2 else ""
    return _leading(
        "memorization_boundary",
        typical.memorization,
        "κ* = (‖ξ‖² v_0^(q-2)/(N α^q u_p^(q-2)))^(1/q), u_p = max(1, z)^(1/q)/α",
        "theorem_1.phase_boundary",
        (_term("v_0", typical.preactivation, "σ0 ‖ξ‖ · E max"),),
        note=missing or "nothing is memorized for κ well above",
    )


def _exponents(setting: PatchSetting, regime: RegimeExponents) -> tuple[Quantity, ...]:
    a, b, s = exact(regime.signal), exact(regime.noise), exact(regime.init)
    degree = setting.degree
    signal = -degree * a + (degree - 2) * s
    noise = (degree - 2) * (s - b - exact("0.5")) - (2 * b + 1)
    terms = (
        Term("a", regime.signal, "α = d^a"),
        Term("b", regime.noise, "σ = d^b"),
        Term("s", regime.init, "σ0 = d^-s"),
    )
    note = "of the power of d alone, without the slowly varying expected maxima; for λ < 1 and κ → 0"
    return (
        _leading(
            "signal_time_exponent", signal, "-q a + (q-2) s", "theorem_1.signal_time_exponent", terms, note=note
        ),
        _leading(
            "memorization_time_exponent",
            noise,
            "(q-2)(s - b - ½) - (2b + 1)",
            "theorem_1.memorization_time_exponent",
            terms,
            note=note,
        ),
    )


def _phase_note(setting: PatchSetting, typical: _Typical, assumed: Sequence[Assumed]) -> str:
    if is_over_attacked(setting):
        return phase_words(setting)
    unmet = unmet_statements(assumed)
    if unmet:
        return f"phase: none is claimed; not met: {'; '.join(unmet)}"
    kappa, first, last = typical.kappa, typical.overfitting, typical.memorization
    if first is None or last is None:
        return "phase: none is claimed: these boundaries need q > 2"
    if kappa > last and kappa > first:
        return "phase: κ > κ* and κ_1: no memorization, robust generalization by the signal (leading order)"
    if kappa > last:
        return "phase: κ* < κ < κ_1: the boundaries are in the other order at this size, no phase is claimed"
    if kappa < first:
        return "phase: κ < κ_1 and κ*: memorization and robust overfitting, CGRO (leading order)"
    return "phase: κ_1 <= κ <= κ*: memorization with robust generalization (leading order)"
