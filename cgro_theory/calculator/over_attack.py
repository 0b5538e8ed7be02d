"""What the calculator says beyond α, κ < 0: the roots of z, where it collapses, and the noise's own clock."""

from __future__ import annotations

import math

import flint

from cgro_theory.calculator.answer import Direction, Quantity, Term, nearest
from cgro_theory.numerics.arb import exact
from cgro_theory.setting.parameters import PatchSetting

BISECTIONS, NEWTON_STEPS = 60, 7
"""The root is bracketed by halves first; each step then doubles its digits, from seven or so."""
_LABEL = "theory.md 9, theorem_1."


def is_over_attacked(setting: PatchSetting) -> bool:
    """Whether κ < 0 and both losses are trained on, so that z tends to a root."""
    return setting.attacked_signal_fraction < 0.0 < setting.adversarial_weight < 1.0


class Roots:
    """c, the roots z_0 and z_∞, κ_- and the pull λ(1+c)ψ(-c z_0) as balls. Needs :func:`is_over_attacked`."""

    def __init__(self, setting: PatchSetting) -> None:
        weight, degree = exact(setting.adversarial_weight), setting.degree
        self.gain = abs(exact(setting.attacked_signal_fraction)) ** degree
        self.ratio = (1 - weight) / (weight * self.gain)
        self.memorized = self.ratio.log() / (1 + self.gain)
        self.resting = self._root()
        self.collapse = -(((1 - weight) / weight).log() / degree).exp()
        self.pull = weight * (1 + self.gain) / (1 + (-self.gain * self.resting).exp())

    def _root(self) -> flint.arb:
        """z_0, between 0 and where :meth:`_excess` is past 0: its slope is -½ or less for z > 0, -c/2 below."""
        ratio = self.ratio.log()
        low, high = flint.arb(0), 2 * ratio if ratio > 0 else 2 * ratio / self.gain
        for _ in range(BISECTIONS):
            z = ((low + high) / 2).mid()
            low, high = (z, high) if self._excess(z) * high > 0 else (low, z)
        z = ((low + high) / 2).mid()
        for _ in range(NEWTON_STEPS):
            z = (z - self._excess(z) / self._slope(z)).mid()
        return z

    def _excess(self, z: flint.arb) -> flint.arb:
        """log of (1-λ)ψ(z) over λcψ(-cz)."""
        return self.ratio.log() - (1 + z.exp()).log() + (1 + (-self.gain * z).exp()).log()

    def _slope(self, z: flint.arb) -> flint.arb:
        return -1 / (1 + (-z).exp()) - self.gain / (1 + (self.gain * z).exp())


def no_attack_note(setting: PatchSetting) -> tuple[str, ...]:
    """That δ = 0 where κ = 1, and why κ may have become 1 unasked; nothing elsewhere.

    >>> no_attack_note(PatchSetting.version_1(2))[0]
    'κ = 1: δ = 0, there is no attack; auto is 1 at d = 2, where 1/(√d log d) = 1.02 is above 1'
    """
    if setting.attacked_signal_fraction < 1.0:
        return ()
    automatic = 1.0 / (math.sqrt(setting.patch_dimension) * math.log(setting.patch_dimension))
    why = f"; auto is 1 at d = {setting.patch_dimension}, where 1/(√d log d) = {automatic:.3g} is above 1"
    return ("κ = 1: δ = 0, there is no attack" + (why if automatic > 1.0 else ""),)


def never_learned(setting: PatchSetting) -> str:
    """Why z never comes to 1, as long as no noise margin is below 0 by much; empty where nothing forbids it.

    >>> never_learned(PatchSetting.version_1(10**4, attacked_signal_fraction=-0.4))
    'the signal rests at z_0 = 0.866498 with every V_i at 0, not above 1'
    """
    if is_over_attacked(setting):
        resting = nearest(Roots(setting).resting)[0]
        return "" if resting > 1.0 else f"the signal rests at z_0 = {resting:.6g} with every V_i at 0, not above 1"
    weight, kappa = setting.adversarial_weight, setting.attacked_signal_fraction
    return "no loss drives the signal up: λ = 1 and κ <= 0" if weight == 1.0 and kappa <= 0.0 else ""


def root_quantities(setting: PatchSetting) -> tuple[Quantity, ...]:
    """z_0, z_∞ and κ_-, which no draw changes; nothing where κ >= 0 or one loss alone is trained on.

    >>> [round(each.value, 3) for each in root_quantities(PatchSetting.version_1(
    ...     10**8, attacked_signal_fraction=-0.7, adversarial_weight=0.3))]
    [2.198, 1.428, -1.326]
    """
    if not is_over_attacked(setting):
        return ()
    roots = Roots(setting)
    gain = Term("c", nearest(roots.gain)[0], "|κ|^q")
    beyond = roots.collapse < -1
    wrong = setting.attacked_signal_fraction < nearest(roots.collapse)[0]
    return (
        _equal(
            "resting_signal_margin",
            roots.resting,
            "z_0: (1-λ)ψ(z) = λcψ(-cz)",
            "over_attack_plateau",
            gain,
            "where z rests until noise is memorized"
            + ("; the wrong side: clean test error → 1" if wrong else "; robust test error → 1"),
        ),
        _equal(
            "memorized_signal_margin",
            roots.memorized,
            "z_∞ = log((1-λ)/(λc))/(1+c)",
            "over_attack_plateau",
            gain,
            "where it tends to as every V_i grows",
        ),
        _equal(
            "collapse_boundary",
            roots.collapse,
            "κ_- = -((1-λ)/λ)^(1/q)",
            "collapse_boundary",
            Term("λ", setting.adversarial_weight, "adversarial weight"),
            "outside κ >= -1: the signal never goes to the wrong side" if beyond else "for κ below, z < 0",
        ),
    )


def _equal(name: str, ball: flint.arb, formula: str, label: str, term: Term, note: str) -> Quantity:
    value, log10 = nearest(ball)
    return Quantity(
        name, value, Direction.EQUALITY, formula, _LABEL + label, terms=(term,), log10=log10, note=note
    )


def phase_words(setting: PatchSetting) -> str:
    """The phase of κ < 0, in a line. Needs :func:`is_over_attacked`."""
    if nearest(Roots(setting).memorized)[0] > 0.0:
        return "phase: κ_- < κ < 0: over-attack: memorization, clean test error → 0, robust test error → 1"
    return "phase: κ <= κ_-: collapse: the signal goes to the wrong side, clean test error → 1"
