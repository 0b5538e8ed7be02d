"""Phases of theorem 1: boundaries between trained networks, their enclosures, and negative controls."""

import math
from dataclasses import replace

import numpy as np
import pytest
from rechecking import judge_claim, judge_control
from scipy.integrate import solve_ivp
from scipy.special import expit

from cgro_theory.claims import Outcome
from cgro_theory.setting import PatchSetting
from cgro_theory.theorems.catalogue import room
from cgro_theory.theorems.theorem_1_feature_learning.claims.phase_figures import phase_figures
from cgro_theory.theorems.theorem_1_feature_learning.runs import phases
from cgro_theory.theorems.theorem_1_feature_learning.runs.full_weights import train_full_network
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import initial_draws_of
from cgro_theory.theorems.theorem_1_feature_learning.runs.phase_grid import PhasePlan, collect, plan_tasks
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import (
    Phase,
    locate_memorization_boundary,
    train_cell,
)
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.runs.training import full_seeds, full_setting
from cgro_theory.theorems.theorem_1_feature_learning.theory import boundaries as boundary
from cgro_theory.theorems.theorem_1_feature_learning.theory import overfitting
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import DEGREE
from cgro_theory.trainer.reduction import draw_subspace_problem

ENTRIES = [entry for entry in room("theorem_1").checked if "phases" in entry.needs]
CONTROLS = [(entry, control) for entry in ENTRIES for control in entry.controls]
SMALL_PLAN = PhasePlan(
    dimensions=(10**6, 10**12),
    samples=(5, 20),
    seeds=1,
    map_dimensions=(10**6,),
    fraction_steps=3,
    map_weights=(0.5,),
    exponent_steps=2,
    test_points=2000,
)


@pytest.fixture(scope="module")
def evidence():
    tasks = plan_tasks(SMALL_PLAN, 9050)
    full = tuple(train_full_network(full_setting(), seed, 4000) for seed in full_seeds(9050, 2))
    return TrainedEvidence(phases=collect(tasks, [task.run() for task in tasks]), full=full)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.label)
def test_claim_holds_across_the_phases(evidence, entry):
    verdict = judge_claim(entry.claim, entry.check, evidence, 1e-4)
    assert verdict.outcome is Outcome.CONSISTENT, verdict.reason
    is_a_slope = entry.label.endswith("_exponent")
    assert bool(entry.numeric) == (not math.isnan(verdict.prediction.leading_order) and not is_a_slope)


@pytest.mark.parametrize(("entry", "control"), CONTROLS, ids=[f"{e.label}-{c.name}" for e, c in CONTROLS])
def test_negative_control_is_refuted(evidence, entry, control):
    verdict = judge_control(entry.claim, entry.check, evidence, 1e-4, control)
    assert verdict.outcome is Outcome.REFUTED, verdict.description


def test_a_bracket_far_above_refutes_and_is_not_left_out(evidence):
    """Where κ_1 was measured is an outcome: whether a draw is in scope is decided by the draw alone."""
    entry = next(each for each in ENTRIES if each.label == "theorem_1.overfitting_boundary")
    first, *others = evidence.phases.overfitting
    far = replace(first, low=30.0 * first.low, high=30.0 * first.high)
    altered = replace(evidence, phases=replace(evidence.phases, overfitting=(far, *others)))
    assert judge_claim(entry.claim, entry.check, altered, 1e-4).outcome is Outcome.REFUTED


def test_figures_have_points_and_predictions(evidence):
    figures = {figure.name: figure for figure in phase_figures(evidence.phases)}
    assert set(figures) == {
        "theorem_1_phases",
        "theorem_1_collapse",
        "theorem_1_boundaries",
        "theorem_1_exponent_plane",
    }
    assert all(panel.series for figure in figures.values() for panel in figure.panels)
    told = figures["theorem_1_collapse"].caption.partition("does not collapse")[2]
    for name, located in (("κ_1", evidence.phases.overfitting), ("κ*", evidence.phases.dimension_ladder)):
        last = max(located, key=lambda entry: entry.setting.patch_dimension)
        value = math.sqrt(last.low * last.high * last.setting.patch_dimension)
        assert f"{value:.3g} at d = 1e+12" in told.partition(f"{name} √d = ")[2].partition(";")[0]
    (plane,) = figures["theorem_1_exponent_plane"].panels
    assert [(s.x, s.y) for s in plane.series if "paper's own point" in s.label] == [([-0.509], [0.249])]


def draw_of(setting, seed):
    return initial_draws_of(draw_subspace_problem(setting, (seed,)))[0]


@pytest.mark.parametrize(
    ("dimension", "changes"),
    [
        (10**7, {"degree": 4, "width": 12, "num_samples": 6}),
        (10**8, {"num_patches": 3, "width": 8, "num_samples": 4}),
        (10**6, {"adversarial_weight": 0.3, "num_samples": 5}),
    ],
)
def test_phase_boundary_is_enclosed_for_other_parameters(dimension, changes):
    setting = PatchSetting.version_1(dimension, **changes)
    located = locate_memorization_boundary(setting, 9)
    assert not located.failure
    enclosure = boundary.predict_memorization_boundary(setting, located.draw).interval
    assert enclosure.low <= located.low <= located.high <= enclosure.high
    assert enclosure.high < 1.1 * enclosure.low


def test_noise_clock_encloses_an_integrated_one():
    """The same clock from an ODE in time, with every noise margin 0, instead of sums over the signal's clock."""
    setting = PatchSetting.version_1(10**6, attacked_signal_fraction=0.003)
    draw = draw_of(setting, 1)
    horizon = boundary.race_horizon(setting, draw)
    weight, q = setting.adversarial_weight, setting.degree

    def speed(log_time, state):
        u = state[:-1]
        signal = float((np.sign(u) * np.abs(u) ** q).sum())
        clean, attacked = (expit(-gain * signal) for gain in (setting.clean_gain, setting.attacked_gain))
        pull = (1 - weight) * clean + weight * attacked
        gain = (1 - weight) * setting.clean_gain * clean + weight * setting.attacked_gain * attacked
        return math.exp(log_time) * np.append(q * np.abs(u) ** (q - 1) * gain, pull)

    start = np.append(draw.signal_projections, 0.0)
    span = (math.log(1e-9), math.log(horizon))
    solved = solve_ivp(speed, span, start, method="LSODA", rtol=1e-9, atol=1e-14)
    # A grid that was made for another κ, and for this one.
    path = boundary._SignalPath(setting, draw, 0.03)
    enclosed = path.noise_clock(setting.attacked_signal_fraction, horizon, 0.0)
    assert enclosed.low <= solved.y[-1, -1] <= enclosed.high
    assert enclosed.high < 1.2 * enclosed.low


def test_unmet_assumptions_leave_the_boundaries_without_an_enclosure():
    setting = PatchSetting.version_1(10**6, num_samples=4, width=8)
    draw = draw_of(setting, 0)
    for changed in ({"adversarial_weight": 1.0}, {"adversarial_weight": 0.0}):
        other = replace(setting, **changed)
        assert overfitting.predict_overfitting_boundary(other, draw).unmet
        assert boundary.predict_memorization_boundary(other, draw).unmet
    linear = boundary.predict_memorization_boundary(replace(setting, degree=2), draw).unmet
    assert DEGREE in [each.condition for each in linear]


def test_phases_are_told_apart():
    setting = PatchSetting.version_1(10**8, num_samples=4, width=12)
    found = [
        train_cell(replace(setting, attacked_signal_fraction=fraction), 2, 1000).phase
        for fraction in (1e-6, 1e-3, 0.1)
    ]
    assert found == [Phase.OVERFITS, Phase.ROBUST, Phase.UNMEMORIZED]
    standard = train_cell(replace(setting, adversarial_weight=0.0), 2, 1000)
    assert standard.memorized == 0
    assert standard.phase is Phase.UNMEMORIZED_FRAGILE


def test_a_flow_that_breaks_off_leaves_its_bracket_without_numbers(monkeypatch):
    monkeypatch.setattr("cgro_theory.trainer.flow.MAX_INTEGRATOR_STEPS", 5)
    setting = PatchSetting.version_1(10**6, num_samples=4, width=8)
    cell = phases.train_cell(setting, 880970, 10)
    assert "its tolerance cannot be met" in cell.failure
    located = phases.locate_overfitting_boundary(setting, 880970, 10)
    assert "its tolerance cannot be met" in located.failure
    assert not located.is_bracketed


def test_a_refined_bracket_is_narrower_about_the_same_boundary():
    setting = PatchSetting.version_1(10**6, num_samples=8, width=12)
    coarse, fine = (phases.locate_overfitting_boundary(setting, 880971, 10, refinement) for refinement in (1, 4))
    assert coarse.is_bracketed
    assert fine.is_bracketed
    assert coarse.low < fine.low < fine.high < coarse.high
    assert math.log(fine.high / fine.low) < 0.5 * math.log(coarse.high / coarse.low)
