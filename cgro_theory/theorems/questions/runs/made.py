"""The trained and built networks that the answers to readers' questions look at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw, directional_errors
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import DIRECTIONS, Cell
from cgro_theory.theorems.theorem_2_representation_complexity.runs.continuous import ContinuousError
from cgro_theory.theorems.theorem_2_representation_complexity.runs.hypercube import ExactError

from ..theory.published import FourNumbers


@dataclass(frozen=True)
class AttackComparison:
    """One draw, trained against the fixed target and against the current iterate, then attacked on all patches.

    Attributes:
        setting, seed: of both trainings.
        initial_signal: U(0).
        end: when the training against the fixed target stopped.
        span_memorized, span_learned: how the training against the current iterate ended.
        span_wrong, l2_wrong, weak_wrong: of ``test_points`` fresh points, misclassified under the attack within
            the signal's span, over all patches, and over all patches with a hundredth of the radius; of the
            network trained against the fixed target.
        failure: why the training against the fixed target has no numbers, or nothing.
    """

    setting: PatchSetting
    seed: int
    initial_signal: float
    end: float
    span_memorized: int
    span_learned: bool
    span_wrong: int
    l2_wrong: int
    weak_wrong: int
    test_points: int
    failure: str = ""


@dataclass(frozen=True)
class AttackRuleRun:
    """One draw trained in R^d against the worst shift that a scan finds, and by the engines.

    Attributes:
        setting, seed, learning_rate, steps: of every training.
        initial_signal: U(0).
        target, rule, recursion: largest relative difference of U and the V_i, over all steps, between the scan's
            training and the engine's: on explicit weights against the fixed target, on explicit weights under the
            engine's own rule for the current iterate, and by the recursion under that rule. inf: not finite.
        rounding: the same between two orders of summation of one training.
    """

    setting: PatchSetting
    seed: int
    learning_rate: float
    steps: int
    initial_signal: float
    target: float
    rule: float
    recursion: float
    rounding: float

    @property
    def difference(self) -> float:
        """The largest of the three differences; inf where one is no number."""
        found = (self.target, self.rule, self.recursion)
        return max(found) if all(math.isfinite(value) for value in found) else math.inf


@dataclass(frozen=True)
class FineSeparation:
    """T_III/T_I of one network at a tolerance far below the usual one, and how far the next coarser one is off."""

    setting: PatchSetting
    seed: int
    ratio: float
    error: float


@dataclass(frozen=True)
class ControlRun:
    """One network under one λ: points misclassified under attack, of the training set and of fresh ones."""

    setting: PatchSetting
    seed: int
    memorized: int
    robust_train_wrong: int
    train_points: int
    robust_wrong: int
    test_points: int
    failure: str = ""

    @property
    def adversarial_weight(self) -> float:
        """λ of the training."""
        return self.setting.adversarial_weight

    @property
    def robust_gap(self) -> float:
        """Robust test error minus robust train error."""
        return self.robust_wrong / self.test_points - self.robust_train_wrong / self.train_points


@dataclass(frozen=True)
class FreshCount:
    """Misclassified fresh points of one network under one attack; κ = ``fraction`` there, 1 is no attack.

    ``held_in_full``: counted in R^d on weights trained there, while ``law`` comes from the recursions.
    """

    setting: PatchSetting
    seed: int
    fraction: float
    signal_margin: float
    law: NoiseMarginLaw
    wrong: int
    test_points: int
    held_in_full: bool = False
    failure: str = ""

    def law_errors(self) -> NDArray[np.float64]:
        """The error by the exact law given sampled directions; its mean is unbiased. shape: (DIRECTIONS,)"""
        kept = self.fraction if self.signal_margin >= 0 else 2.0 - self.fraction
        margin = self.signal_margin * math.copysign(abs(kept) ** self.setting.degree, kept)
        generator = np.random.default_rng([self.seed, 8])
        return directional_errors(self.law, margin, directions=DIRECTIONS, generator=generator)


@dataclass(frozen=True)
class CubeCount:
    """The memorizer of the sample of ``seed`` on the continuous example in ``dimension`` coordinates."""

    dimension: int
    seed: int
    error: ContinuousError


@dataclass(frozen=True)
class ImageStages:
    """Accuracies of one image classifier at the recorded ``epochs``, as shares; robust ones at ``radius``."""

    seed: int
    radius: float
    epochs: tuple[int, ...]
    clean_test: tuple[float, ...]
    robust_train: tuple[float, ...]
    robust_test: tuple[float, ...]


@dataclass(frozen=True)
class PublishedRun:
    """One network of the search for the published numbers.

    Attributes:
        setting, seed, adversary: of the training.
        numbers: its four counts under the attack of its training.
        all_patches: the same under projected gradient descent over all patches with the radius of its training.
        short_wrong, beyond_wrong: of the fresh points of ``numbers``, misclassified under the fixed target
            with κ = ±|κ| of the candidate, an attack that stops short of the signal or goes beyond it.
        signal_margin, law: z, and the law of V.
        candidate: whether it is one of the networks that are proposed.
        failure: why it has no numbers, or nothing.
    """

    setting: PatchSetting
    seed: int
    adversary: AdversaryName
    numbers: FourNumbers
    all_patches: FourNumbers
    short_wrong: int
    beyond_wrong: int
    signal_margin: float
    law: NoiseMarginLaw
    candidate: bool = False
    failure: str = ""

    @property
    def is_beyond(self) -> bool:
        """Whether its attack stays within the signal's span and is stronger than the signal, κ < 0."""
        return self.is_within_span and self.setting.attacked_signal_fraction < 0

    @property
    def is_below(self) -> bool:
        """Whether its attack stays within the signal's span and leaves the signal its sign, κ >= 0."""
        return self.is_within_span and self.setting.attacked_signal_fraction >= 0

    @property
    def is_within_span(self) -> bool:
        """Whether its training faced ``transfer`` or ``span``."""
        return self.adversary != AdversaryName.L2


@dataclass(frozen=True, eq=False)
class QuestionRuns:
    """The sets of runs; those that no claim needs stay empty.

    Attributes:
        attacks: question 1; attack_rules: the trainings in R^d of question 1.
        degrees: networks over q and d, questions 2 and 9; fine: the same, integrated more finely.
        exponent_map: over (a, b), question 3.
        phase_map: over (κ, d), question 4.
        weights: over λ, question 5.
        controls: λ = 0 and the default, question 6.
        fresh: question 7.
        corners, cube: question 8.
        images: question 10.
        published: question 11.
    """

    attacks: tuple[AttackComparison, ...] = ()
    attack_rules: tuple[AttackRuleRun, ...] = ()
    degrees: tuple[Cell, ...] = ()
    fine: tuple[FineSeparation, ...] = ()
    exponent_map: tuple[Cell, ...] = ()
    phase_map: tuple[Cell, ...] = ()
    weights: tuple[Cell, ...] = ()
    controls: tuple[ControlRun, ...] = ()
    fresh: tuple[FreshCount, ...] = ()
    corners: tuple[ExactError, ...] = ()
    cube: tuple[CubeCount, ...] = ()
    images: tuple[ImageStages, ...] = ()
    published: tuple[PublishedRun, ...] = ()
