"""Beyond α: the roots, the brackets from the draw against flows of any size, the claims and their controls."""

import math
from dataclasses import replace
from functools import partial

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rechecking import judge_claim, judge_control

from cgro_theory.claims import Interval, Outcome, unmet
from cgro_theory.setting import PatchSetting
from cgro_theory.theorems.catalogue import room
from cgro_theory.theorems.theorem_1_feature_learning.claims.collapse import collapse_map_figure
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import (
    first_memorization,
    group_horizon,
    initial_draws_of,
)
from cgro_theory.theorems.theorem_1_feature_learning.runs.over_attack import search_collapse, train_beyond
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Phase, train_cell
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.theory import over_attack as theory
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem

ENTRIES = [entry for entry in room("theorem_1").checked if {"over_attack", "collapse"} & set(entry.needs)]
ENTRIES_BY_NAME = {entry.label.rpartition(".")[2]: entry for entry in ENTRIES}
CONTROLS = [(entry, control) for entry in ENTRIES for control in entry.controls]
SEED = 881900


def beyond(kappa=-0.7, weight=0.3, dimension=10**8, **sizes):
    return PatchSetting.version_1(dimension, attacked_signal_fraction=kappa, adversarial_weight=weight, **sizes)


weights, fractions = st.floats(0.02, 0.98), st.floats(-1.0, -0.02)


@given(weights, fractions, st.integers(2, 6), st.floats(-5.0, 30.0))
def test_the_roots_are_roots(weight, kappa, degree, noise):
    """Against mpmath: the drive is 0 at ρ(V), and |ρ| falls in V towards |z_∞|."""
    setting = beyond(kappa, weight, degree=degree)
    c, lam = mp.mpf(-kappa) ** degree, mp.mpf(weight)
    z = mp.mpf(theory.resting_margin(setting, noise))
    clean, attacked = ((1 - lam) / (1 + mp.exp(z + noise))), lam * c / (1 + mp.exp(-c * z + noise))
    assert abs(clean - attacked) <= 1e-11 * clean
    more, last = theory.resting_margin(setting, noise + 1.0), theory.memorized_margin(setting)
    assert abs(last) * (1 - 1e-9) - 1e-12 <= abs(more) <= abs(z) * (1 + 1e-9) + 1e-12
    assert theory.resting_margin(setting, 60.0) == pytest.approx(last, abs=1e-9)
    assert (z > 0) == (kappa > theory.collapse_boundary(weight, degree)) or abs(z) < 1e-9


@settings(max_examples=10)
@given(
    st.integers(2, 5), st.integers(1, 6), st.integers(2, 3), st.integers(1, 8), st.floats(3.0, 9.0), weights,
    fractions, st.integers(881300, 881899),
)  # fmt: skip
def test_flows_of_any_size_lie_in_the_brackets(degree, samples, patches, width, size, weight, kappa, seed):
    setting = beyond(
        kappa, weight, int(10**size), degree=degree, num_samples=samples, num_patches=patches, width=width
    )
    problem = draw_subspace_problem(setting, (seed,))
    draw = initial_draws_of(problem)[0]
    if not np.isfinite(theory.leading_memorization_time(setting, draw)):
        return
    horizon = group_horizon(setting, problem)
    bracket = theory.plateau_bracket(setting, draw, horizon)
    if bracket is None or unmet(bracket.assumed):
        return
    runs = integrate_flow(problem, horizon=horizon, relative_tolerance=1e-9, num_checkpoints=60)
    times, z = runs.checkpoint_times, runs.signal_margin[0]
    late = (times >= bracket.arrival) & np.isfinite(z)
    for interval, values in (
        (bracket.narrow, z[late & (times <= bracket.small_until)]),
        (bracket.wide, np.append(z[late], runs.final_signal_margin[0])),
    ):
        assert np.all((values >= interval.low - 1e-6) & (values <= interval.high + 1e-6))
    assert np.nanmax(np.abs(runs.noise_margins[0][times <= bracket.small_until])) <= theory.SMALL * 1.000001
    assert runs.final_noise_margins.min() >= -theory.noise_depth(setting, draw, horizon)
    if math.isfinite(bracket.first.high):
        assert bracket.first.low * (1 - 1e-7) <= first_memorization(runs)[0] <= bracket.first.high * (1 + 1e-7)


def test_beyond_what_is_assumed_nothing_is_predicted():
    draw = initial_draws_of(draw_subspace_problem(beyond(), (SEED,)))[0]
    for setting in (beyond(0.1), beyond(weight=0.0), beyond(weight=1.0)):
        assert theory.plateau_bracket(setting, draw, 1e6) is None
        assert theory.predict_over_attack_time(setting, draw).interval is None
    wrong = replace(draw, signal_projections=-np.abs(draw.signal_projections))
    assert [e.condition.name for e in unmet(theory.root_conditions(beyond(), wrong))] == [
        "neuron on the root's side"
    ]


@pytest.fixture(scope="module")
def evidence():
    groups = [
        train_beyond(beyond(kappa, weight, dimension), (SEED + place,), 2048)
        for place, (dimension, weight, kappa) in enumerate(
            [(10**4, 0.3, -0.9), (10**8, 0.9, -0.9), (10**4, 0.9, -0.5), (10**4, 0.9, -0.1)]
        )
    ]
    trials = search_collapse(PatchSetting.version_1(10**8, adversarial_weight=0.75), SEED, 2048)
    return TrainedEvidence(over_attack=tuple(groups), collapse=trials)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.label)
def test_claims_hold(entry, evidence):
    verdict = judge_claim(entry.claim, entry.check, evidence, 1e-4)
    assert verdict.outcome is Outcome.CONSISTENT, verdict


@pytest.mark.parametrize(("entry", "control"), CONTROLS, ids=lambda each: getattr(each, "name", None))
def test_controls_are_refuted(entry, control, evidence):
    assert judge_control(entry.claim, entry.check, evidence, 1e-4, control).outcome is Outcome.REFUTED


@pytest.mark.parametrize(
    ("endless", "outcome"), [(1, Outcome.CONSISTENT), (2, Outcome.INCONCLUSIVE), (24, Outcome.OUT_OF_SCOPE)]
)
def test_few_enclosures_may_lack_their_upper_end(endless, outcome, evidence):
    """At most one run in twenty is left out for that, as for any condition on its draw."""
    entry, asked = ENTRIES_BY_NAME["over_attack_memorization_time"], []

    def predict(setting, draw, horizon):
        asked.append(draw)
        bracket = theory.plateau_bracket(setting, draw, horizon)
        return bracket if len(asked) > endless else replace(bracket, first=Interval(bracket.first.low, math.inf))

    runs = replace(evidence, over_attack=evidence.over_attack * 6)
    verdict = judge_claim(entry.claim, partial(entry.check, predict=predict), runs, 1e-4)
    assert verdict.outcome is outcome
    if outcome is Outcome.CONSISTENT:
        assert ("runs left out", 1.0) in verdict.measurement.notes


def test_a_run_without_a_prediction_does_not_hide_one_outside_its_own(evidence):
    entry, first = ENTRIES_BY_NAME["over_attack_plateau"], evidence.over_attack[0].setting

    def predict(setting, draw, horizon):
        wrong = replace(setting, attacked_signal_fraction=setting.attacked_signal_fraction / 2)
        return None if setting == first else theory.plateau_bracket(wrong, draw, horizon)

    verdict = judge_claim(entry.claim, partial(entry.check, predict=predict), evidence, 1e-4)
    assert verdict.outcome is Outcome.REFUTED


@pytest.mark.parametrize(
    ("kappa", "phase"),
    [
        (-0.9, Phase.UNGENERAL),
        (-0.3, Phase.OVER_ATTACKED),
        (1e-6, Phase.OVERFITS),
        (0.5, Phase.UNMEMORIZED),
    ],
)
def test_from_minus_one_to_one_there_are_four_phases(kappa, phase):
    assert train_cell(beyond(kappa, 0.9), SEED, 256).phase is phase


def test_the_map_draws_every_phase_and_the_boundary():
    cells = tuple(train_cell(beyond(kappa, 0.9, 10**6), SEED, 64) for kappa in (-0.9, -0.2))
    panel = collapse_map_figure(TrainedEvidence(collapse_map=cells)).panels[0]
    assert [len(series.x) for series in panel.series] == [1, 1, 50]
    assert panel.series[-1].y[40] == pytest.approx(-((0.1 / 0.9) ** (1 / 3)))
