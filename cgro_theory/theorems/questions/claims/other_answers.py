"""Answers to questions 6 to 10: two sentences each, computed from the evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from cgro_theory.theorems.questions.claims.other_checks import NEAR, cube_bound, epoch_near, stage_ratio
from cgro_theory.theorems.questions.claims.patch_checks import RIGHT, WIDEST_GAP
from cgro_theory.theorems.questions.claims.slope_checks import noise_ratios
from cgro_theory.theorems.questions.claims.wording import fitted_slope, powers_of_ten, spanned
from cgro_theory.theorems.questions.runs.made import CubeCount, QuestionsEvidence


def answer_control(evidence: QuestionsEvidence) -> str:
    """Question 6: the same draws with and without the adversarial term."""
    standard = [r for r in evidence.controls if r.adversarial_weight == 0.0]
    adversarial = [r for r in evidence.controls if r.adversarial_weight > 0.0]
    gaps = [float(np.mean([r.robust_gap for r in runs])) if runs else math.nan for runs in (standard, adversarial)]
    train = float(np.mean([r.robust_train_wrong / r.train_points for r in standard])) if standard else math.nan
    cause = (
        "To adversarial training"
        if abs(gaps[0]) < WIDEST_GAP < gaps[1]
        else "The control does not tell the two causes apart"
    )
    return (
        f"{cause}: on the same draws the robust generalization gap is {gaps[1]:.2f} with the adversarial term and "
        f"{gaps[0]:.2f} without it. "
        f"Standard training memorizes {sum(r.memorized for r in standard)} points and its robust train error is "
        f"{train:.2f}, so it is not robust either, but neither is it overfitted."
        if train > RIGHT
        else f"{cause}: the robust generalization gap is {gaps[1]:.2f} with the adversarial term and "
        f"{gaps[0]:.2f} "
        f"without it. Standard training has robust train error {train:.2f}."
    )


def answer_fresh(evidence: QuestionsEvidence) -> str:
    """Question 7: the exact law beside counts."""
    clean = [e for e in evidence.fresh if e.fraction == 1.0]
    attacked = [e for e in evidence.fresh if e.fraction < 1.0]
    clean_law = [float(e.law_errors().mean()) for e in clean]
    laws = [float(e.law_errors().mean()) for e in attacked]
    rates = [e.wrong / e.test_points for e in attacked]
    largest = max(abs(rate - law) for rate, law in zip(rates, laws, strict=True))
    beyond = max(rates) > 0.5 and any(e.fraction < 0 for e in attacked)
    more = ", and past 1/2 once the radius exceeds the signal" if beyond else ""
    return (
        f"By the exact law a clean fresh sample is misclassified with probability {_probabilities(clean_law)} in "
        f"the {len(clean)} networks, an attacked one with {_probabilities(laws)}, depending on d, a and κ. "
        f"Counted errors of attacked samples are {spanned(rates)}{more}, and differ from the law by at most "
        f"{largest:.3f} with {spanned((e.test_points for e in attacked), digits=6)} points each."
    )


def _probabilities(values: Sequence[float]) -> str:
    """Their range; a probability that is 0 in floating point is only known to be tiny."""
    if min(values) > 0.0:
        return spanned(values)
    return "below 1e-300" if max(values) == 0.0 else f"from below 1e-300 to {max(values):.2g}"


def answer_memorizer(evidence: QuestionsEvidence) -> str:
    """Question 8: the hypercube exactly, the continuous cube by attack and bound."""
    corners = [(e.num_samples / 2 ** (e.input_dimension - 1), float(e.expectation)) for e in evidence.corners]
    small = [error for share, error in corners if share == min(corners)[0]]
    large = [error for share, error in corners if share == max(corners)[0]]
    verdict = "only while N is small against K" if min(small) > 0.5 > max(large) else "at all N tried alike"
    second = _cube_sentence(evidence) if evidence.cube else "The continuous example was not run."
    return (
        f"On the hypercube it overfits {verdict}: the expected robust test error is {min(small):.2f} at "
        f"N/K = {min(corners)[0]:g} and {max(large):.2f} at N/K = {max(corners)[0]:g}. {second}"
    )


def _cube_sentence(evidence: QuestionsEvidence) -> str:
    sizes = sorted({e.error.num_samples for e in evidence.cube})
    dimensions = sorted({e.dimension for e in evidence.cube})
    low, high = dimensions[0], dimensions[-1]
    before = _cube_error(evidence, lambda e: (e.error.num_samples, e.dimension) == (sizes[0], low))
    after = _cube_error(evidence, lambda e: (e.error.num_samples, e.dimension) == (sizes[-1], low))
    there = _cube_error(evidence, lambda e: (e.error.num_samples, e.dimension) == (sizes[-1], high))
    near = [e for e in evidence.cube if e.dimension == low]
    by_radius = _by(near, "δ", lambda e: e.error.perturbation_radius)
    by_norm = _by(near, "p", lambda e: e.error.norm_order)
    tell = sum(cube_bound(e) > 0 for e in evidence.cube)
    moves = "falls" if after < before else "does not fall"
    return (
        f"On the continuous cube it {moves} from {before:.2f} to {after:.2f} as N goes from {sizes[0]} to "
        f"{sizes[-1]} in "
        f"{low} dimensions (over all N {by_radius}; {by_norm}) and is {there:.2f} at the "
        "largest N "
        f"in {high} dimensions; the bound 1 - N p_hit is above 0 in {tell} of {len(evidence.cube)} configurations."
    )


def _cube_error(evidence: QuestionsEvidence, chosen: Callable[[CubeCount], bool]) -> float:
    found = [e.error for e in evidence.cube if chosen(e)]
    return sum(e.broken for e in found) / sum(e.trials for e in found)


def _by(cube: Sequence[CubeCount], name: str, key: Callable[[CubeCount], float]) -> str:
    """The error over all N, apart for every value of ``key``."""
    parts = []
    for value in sorted({key(e) for e in cube}):
        found = [e.error for e in cube if key(e) == value]
        error = sum(e.broken for e in found) / sum(e.trials for e in found)
        parts.append(f"{error:.2f} at {name} = " + ("∞" if value == math.inf else f"{value:g}"))
    return ", ".join(parts)


def answer_dimension(evidence: QuestionsEvidence) -> str:
    """Question 9: which experiments vary d, and what changes with it."""
    groups: dict[str, set[int]] = {
        "q": {e.setting.patch_dimension for e in evidence.degrees},
        "(a, b)": {e.setting.patch_dimension for e in evidence.exponent_map},
        "κ": {e.setting.patch_dimension for e in evidence.phase_map},
        "λ": {e.setting.patch_dimension for e in evidence.weights},
        "fresh samples": {e.setting.patch_dimension for e in evidence.fresh},
    }
    varied = [f"{powers_of_ten(found)} for {name}" for name, found in groups.items() if len(found) > 1]
    fixed = [f"{powers_of_ten(found)} for {name}" for name, found in groups.items() if len(found) == 1]
    cubic = [c for c in evidence.degrees if c.setting.degree == 3]
    sizes = sorted({c.setting.patch_dimension for c in cubic})
    slopes = [
        fitted_slope([c.setting.patch_dimension for c in cubic], values)
        for values in (
            [entry.measured.low for entry in noise_ratios(evidence)],
            [c.signal_time for c in cubic],
            [c.first_memorization for c in cubic],
        )
    ]
    held = f" (and the one value {'; '.join(fixed)})" if fixed else ""
    return (
        f"Yes: here d takes the values {'; '.join(varied)}{held}. "
        f"From d = {sizes[0]:.0e} to {sizes[-1]:.0e} the noise against the signal, std V/z, goes like "
        f"d^{slopes[0]:.2f}, "
        f"T_I like d^{slopes[1]:.2f} and T_III like d^{slopes[2]:.2f}."
        if varied
        else f"No: in these runs d does not vary{held}. Slopes in d cannot be fitted."
    )


def answer_images(evidence: QuestionsEvidence) -> str:
    """Question 10: the order in which the accuracies of image classifiers arrive."""
    runs = evidence.images
    ordered = sum(stage_ratio(run) < 1.0 for run in runs)
    median = [
        float(np.median([epoch_near(getattr(run, name), run.epochs) for run in runs]))
        for name in ("clean_test", "robust_test", "robust_train")
    ]
    gap = float(np.mean([run.robust_train[-1] - run.robust_test[-1] for run in runs]))
    stages = (
        "the order of the stages shows" if ordered == len(runs) else "the order of the stages does not always show"
    )
    plateau = (
        f"Robust test accuracy is there before robust train accuracy (median epoch {median[1]:.0f}), so the last "
        "part of training mostly memorizes"
        if median[1] < median[2]
        else "Robust test accuracy arrives no earlier than robust train accuracy (median epoch "
        f"{median[1]:.0f}), so "
        "no last stage of pure memorization is seen"
    )
    return (
        f"As an observation, {stages}: clean test accuracy is at {NEAR:.0%} of its last value before robust train "
        f"accuracy in {ordered} of {len(runs)} runs (median epochs {median[0]:.0f} and {median[2]:.0f}). "
        f"{plateau}, and the last robust gap is {gap:.2f}."
    )
