"""Question 11 (theory.md 5.11): the answer in words and the figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cgro_theory.claims import Figure, Marker, Panel, Series

from ..runs.made import PublishedRun, QuestionRuns
from ..theory.published import (
    CLEAN_TEST,
    ROBUST_TEST,
    asked_fraction,
    normal_fraction,
    one_neuron_fraction,
    published,
)
from .wording import number_of, spanned

DIRECTIONS = 1024
"""Directions of the noise over which the law of V is averaged."""
_ERRORS = (1.0 - CLEAN_TEST / 100.0, 1.0 - ROBUST_TEST / 100.0)


def answer(runs: QuestionRuns) -> str:
    """What matches, what cannot, and that it is a candidate only."""
    region = published()
    own = [run for run in runs.published if run.candidate]
    matching = region.matching(run.numbers for run in own)
    elsewhere = [run for run in runs.published if run.is_beyond and not run.candidate]
    hits = [run.setting.attacked_signal_fraction for run in elsewhere if region.admits(run.numbers)]
    more = f", as {len(hits)} of {len(elsewhere)} do elsewhere (κ = {spanned(hits)})" if hits else ""
    right = [run.numbers.robust_error for run in runs.published if run.is_below and run.numbers.clean_error < 0.5]
    most = f"{max(right):.3f}" if right else "nothing"
    found = "An attack beyond the signal can" if 2 * matching > len(own) else "None that was found"
    patches = region.matching(run.all_patches for run in runs.published)
    asked = f" (by their laws of V they ask for κ = {spanned(map(_asked, own))})" if own else ""
    return (
        f"{found}: at κ = {_told(own)}, {matching} of {number_of(len(own), 'network')} have the four "
        f"numbers within what 200 test points resolve{asked}{more}. "
        f"Attacked within the span with κ >= 0, the {number_of(len(right), 'network')} right on most clean points "
        f"have robust test error up to {most}, {patches} of {len(runs.published)} match under projected gradient "
        "descent over all patches, and as the paper's own values are not known the match is a candidate and no "
        "explanation."
    )


def _asked(run: PublishedRun) -> float:
    """The κ at which this network's V would give both published test errors."""
    return asked_fraction(run.law, DIRECTIONS, np.random.default_rng([run.seed, 11]))


def _told(own: Sequence[PublishedRun]) -> str:
    """The candidate's place; of no network, a dash."""
    if not own:
        return "-"
    setting = own[0].setting
    return (
        f"{setting.attacked_signal_fraction:g}, d = {setting.patch_dimension}, N = {setting.num_samples}, m = "
        f"{setting.width}, q = {setting.degree} and λ = {setting.adversarial_weight:g}"
    )


def draw(runs: QuestionRuns) -> Figure:
    """Clean against robust test error of every network, and the κ that each law of V asks for."""
    region = published()
    beyond = [run for run in runs.published if run.is_beyond]
    groups = (
        ("all patches", [r.all_patches for r in runs.published], 3),
        ("κ ≥ 0, within the span", [r.numbers for r in runs.published if r.is_below], 2),
        ("other κ < 0", [r.numbers for r in beyond if not r.candidate], 1),
        ("candidate", [r.numbers for r in beyond if r.candidate], 0),
    )
    points = tuple(
        Series(name, [n.clean_error for n in own], [n.robust_error for n in own], colour, "points")
        for name, own, colour in groups
        if own
    )
    errors = Panel(
        "every network",
        "clean test error",
        "robust test error",
        points,
        (
            Marker("17.5 % at 200 points", region.robust.low, "y", region.robust.high),
            Marker("98.5 % at 200 points", region.clean.low, "x", region.clean.high),
        ),
        legend="below",
    )
    cubic = [(run, _asked(run)) for run in beyond if run.setting.degree == 3]
    ends = ((one_neuron_fraction(*_ERRORS), "one neuron"), (normal_fraction(*_ERRORS, 3), "V normal, q = 3"))
    series = tuple(
        Series(name, [r.setting.attacked_signal_fraction for r, _ in own], [k for _, k in own], colour, "points")
        for name, own, colour in (
            ("candidate", [pair for pair in cubic if pair[0].candidate], 0),
            ("other κ < 0", [pair for pair in cubic if not pair[0].candidate], 1),
        )
        if own
    )
    line = Series("equal", [-0.9, -0.3], [-0.9, -0.3], 7, "dashed")
    fractions = Panel(
        "the κ at which a network's V gives both test errors",
        "κ of its training",
        "κ that its law of V asks for",
        (*series, line),
        tuple(Marker(name, value, "y") for value, name in ends),
    )
    return Figure(
        name="questions_11_published",
        title="11. Which attack gives the published numbers?",
        caption="Left: each point is a network; the bands cross where 200 test points do not tell it from the "
        "published one. Right: for its law of V a network asks for one κ, at the z that fits.",
        panels=(errors, fractions),
    )
