"""Closed-form bounds of T_I and T_III against an integrator that shares no code; what they say of all draws."""

import math
from unittest.mock import patch

import numpy as np
import pytest
from scipy import stats

from cgro_theory.errors import InvalidInput
from cgro_theory.setting.initial_draw import draw_many, draw_subspace
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.theory import stage_bounds, stage_probability
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import leading_memorization_boundary
from cgro_theory.theorems.theorem_1_feature_learning.theory.memorization import (
    leading_memorization_time,
    predict_first_memorization_time,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import (
    InitialDraw,
    leading_signal_time,
    predict_signal_time,
)

from .test_enclosures import BENCHMARK

ROOM = 1e-6
"""Relative error of the integrator, at its tolerance of 1e-9."""
FINE = 400
"""So many cells leave no slack in which a missing term could hide."""


def drawn(seed, index, **ends):
    """A random small setting, its flow by the benchmark's integrator, and its draw as arrays of one."""
    generator = np.random.default_rng([seed, index])
    values = BENCHMARK.random_setting(generator)
    if index % 3 == 0:
        values["adversarial_weight"] = 10 ** float(generator.uniform(-3, -0.7))
    elif index % 3 == 1:
        values["patch_dimension"] = int(generator.integers(14, 80))
        values["num_samples"] = int(generator.integers(2, 5))
    values |= ends
    setting, flow = PatchSetting(**values), BENCHMARK.Flow(values, generator, 1e-9)
    signed = np.repeat(flow.labels, setting.noise_patches)[:, None] * flow.v
    return setting, flow, (flow.u[None], signed[None], flow.gram[None])


def ends_of(bounds):
    return float(bounds.signal_low[0]), float(bounds.signal_high[0]), float(bounds.memorization_low[0])


def measured(setting, flow, *bounds):
    """T_I and T_III, followed past every finite end."""
    finite = [end for each in bounds for end in ends_of(each) if math.isfinite(end)]
    return flow.times(setting.attacked_signal_fraction, 1.01 * max([1.0, *finite]), until_memorized=False)


def holds(bounds, times):
    low, high, late = ends_of(bounds)
    return low * (1 - ROOM) <= times[0] <= high * (1 + ROOM) and times[1] >= late * (1 - ROOM)


@pytest.mark.parametrize("cells", [stage_bounds.CELLS, FINE])
def test_the_bounds_hold_in_random_small_settings(cells):
    ordered = 0
    with patch.object(stage_bounds, "CELLS", cells):
        for index in range(24):
            ends = BENCHMARK.ENDS[index // 6] if index % 6 == 5 else {}
            setting, flow, arrays = drawn(882720, index, **ends)
            bounds = stage_bounds.bound_stages(setting, *arrays)
            assert holds(bounds, measured(setting, flow, bounds)), index
            ordered += bool(bounds.ordered[0])
    assert ordered >= 12


def without(term, setting, arrays):
    """The bounds with one term dropped."""
    noise, (projections, signed, gram) = stage_bounds._Noise, arrays
    if term == "couplings":
        return stage_bounds.bound_stages(setting, projections, signed, np.diag(np.diag(gram[0]))[None])
    if term == "opposite":
        return stage_bounds.bound_stages(setting, projections, np.maximum(signed, 0.0), gram)
    earliest = noise.earliest
    changed = {
        "clean loss": ("earliest", lambda self, start, clock: earliest(self, start, 0.0 * clock)),
        "noise above": ("above", lambda self, edge: 0.0 * self.highest[:, 0]),
        "noise below": ("below", lambda self, edge: 0.0 * self.highest[:, 0]),
    }[term]
    with patch.object(noise, *changed):
        return stage_bounds.bound_stages(setting, *arrays)


@pytest.mark.parametrize(
    ("term", "seed", "index"),
    [
        ("couplings", 882700, 126),
        ("opposite", 882702, 3),
        ("clean loss", 882702, 49),
        ("noise above", 882702, 28),
        ("noise below", 882702, 32),
    ],
)
def test_every_term_is_needed(term, seed, index):
    setting, flow, arrays = drawn(seed, index)
    with patch.object(stage_bounds, "CELLS", FINE):
        whole, part = stage_bounds.bound_stages(setting, *arrays), without(term, setting, arrays)
    times = measured(setting, flow, whole, part)
    assert holds(whole, times)
    assert not holds(part, times)


def test_the_bounds_agree_with_the_enclosures_where_the_dimension_is_large():
    for dimension, near in ((10**6, 0.05), (10**12, 0.002)):
        setting = PatchSetting.version_1(dimension)
        draw = draw_subspace(setting, 882730).initial
        signed = draw.signed_preactivations(1)
        bounds = stage_bounds.bound_stages(
            setting, draw.signal_projections[None], signed[None], draw.noise_gram[None]
        )
        low, high, late = ends_of(bounds)
        signal = predict_signal_time(setting, draw, 0.0).interval
        memory = predict_first_memorization_time(setting, draw, 0.0).interval
        assert (1 - near) * signal.low < low <= signal.high
        assert signal.low <= high < (1 + near) * signal.high
        assert (1 - near) * memory.low < late <= memory.high
        assert bounds.ordered[0]


@pytest.mark.parametrize("degree", [2, 3, 9])
def test_a_network_that_no_neuron_starts_never_learns(degree):
    setting = PatchSetting.version_1(1000, num_samples=2, width=2, degree=degree)
    arrays = [part[:1].copy() for part in draw_many(setting, 1, np.random.default_rng(882731))]
    arrays[0][:] = [[-0.01, -0.02]]
    bounds = stage_bounds.bound_stages(setting, *arrays)
    assert ends_of(bounds)[:2] == (math.inf, math.inf)
    assert not bounds.ordered[0]
    arrays[0][:] = [[-0.01, 10.0]]
    assert ends_of(stage_bounds.bound_stages(setting, *arrays))[:2] == (0.0, 0.0)


@pytest.mark.parametrize("degree", [2, 3, 5])
def test_many_draws_have_the_law_and_the_leading_orders_of_single_ones(degree):
    setting = PatchSetting.version_1(60, num_samples=3, num_patches=3, width=4, degree=degree)
    sample = stage_probability.sample_stages(setting, 400, 882732)
    single = [draw_subspace(setting, 882000 + seed).initial for seed in range(400)]
    pairs = [
        (sample.leading_signal, [leading_signal_time(setting, draw) for draw in single]),
        (sample.leading_memorization, [leading_memorization_time(setting, draw) for draw in single]),
    ]
    for many, few in pairs:
        assert stats.ks_2samp(many, few).pvalue > 1e-3
    draw = single[0]
    one = stage_probability.stages_of(
        setting, draw.signal_projections[None], draw.signed_preactivations(2)[None], draw.noise_gram[None]
    )
    assert one.leading_signal[0] == pytest.approx(pairs[0][1][0], rel=1e-12)
    assert one.leading_memorization[0] == pytest.approx(pairs[1][1][0], rel=1e-12)
    if degree > 2:
        assert one.leading_boundary[0] == pytest.approx(leading_memorization_boundary(setting, draw), rel=1e-9)


@pytest.mark.parametrize(("weight", "init"), [(0.9, -0.5), (0.0, -0.3)])
def test_a_batch_is_what_its_draws_are_alone(weight, init):
    setting = PatchSetting.version_1(
        200, num_samples=4, width=3, adversarial_weight=weight, init_exponent=init, signal_exponent=0.1
    )
    arrays = draw_many(setting, 5, np.random.default_rng(882733))
    together = stage_bounds.bound_stages(setting, *arrays)
    for index in range(5):
        alone = stage_bounds.bound_stages(setting, *(part[index : index + 1] for part in arrays))
        assert ends_of(alone) == pytest.approx(
            [together.signal_low[index], together.signal_high[index], together.memorization_low[index]], rel=1e-12
        )


def test_draws_in_pieces_are_counted_whole_and_other_seeds_are_other_draws():
    setting = PatchSetting.version_1(200, num_samples=4, width=3)
    with patch.object(stage_probability, "CHUNK", 1):
        pieces = stage_probability.sample_stages(setting, 7, 882734)
    assert pieces.size == 7
    whole = [stage_probability.sample_stages(setting, 7, seed) for seed in (882734, 882734, 882735)]
    assert (whole[0].leading_signal == whole[1].leading_signal).all()
    assert not np.isin(whole[0].leading_signal, whole[2].leading_signal).any()


def test_the_probability_of_the_order_is_a_bound_from_below():
    setting = PatchSetting.version_1(100, num_samples=3, width=3)
    sample = stage_probability.sample_stages(setting, 2000, 882736)
    shown, low = sample.ordered / sample.size, sample.order_probability(1e-3)
    assert 0.5 < low < shown < 1.0 - 2.0**-3
    assert low == pytest.approx(stats.beta.ppf(1e-3, sample.ordered, sample.size - sample.ordered + 1), rel=1e-9)


def test_the_smallest_dimension_is_found_and_every_larger_one_tried_shows_it():
    def setting_at(dimension):
        return PatchSetting.version_1(dimension, num_samples=2, width=12)

    found = stage_probability.smallest_dimension(setting_at, 0.9, 1e-3, 882737)
    failed = [dimension for dimension in found.tried if dimension < found.dimension]
    assert len(failed) >= 1
    assert max(found.tried) == 10**18
    for dimension, good in ((found.dimension, True), (max(failed), False)):
        sample = stage_probability.sample_stages(setting_at(dimension), 4 * found.draws, 882738)
        assert (sample.ordered / sample.size > 0.9) is good
    # a < b + 1/2: the noise comes first at every large d.
    slow = stage_probability.smallest_dimension(
        lambda dimension: PatchSetting.version_1(dimension, num_samples=2, width=4, signal_exponent=-0.2),
        0.9,
        1e-3,
        882737,
    )
    assert slow.dimension is None


def test_over_attack_is_refused():
    with pytest.raises(InvalidInput, match="attacked_signal_fraction"):
        stage_probability.sample_stages(PatchSetting.version_1(1000, attacked_signal_fraction=-0.1), 1, 0)


def test_an_initial_draw_is_bounded_by_sizes_of_the_gram_matrix_only():
    setting = PatchSetting.version_1(100, num_samples=3, width=3)
    draw = draw_subspace(setting, 882739).initial
    plus = InitialDraw(np.ones(3), draw.signal_projections, draw.signed_preactivations(1), np.abs(draw.noise_gram))
    ends = [
        ends_of(
            stage_bounds.bound_stages(
                setting, each.signal_projections[None], each.signed_preactivations(1)[None], each.noise_gram[None]
            )
        )
        for each in (draw, plus)
    ]
    assert ends[0] == ends[1]


def test_times_beyond_the_floats_are_late_and_not_never():
    # T_I is about 10^330: κ^3 leaves the floats, and so does v^(2-q) of the noise.
    setting = PatchSetting.version_1(
        1000, num_samples=2, width=3, adversarial_weight=1.0, attacked_signal_fraction=1e-110
    )
    bounds = stage_bounds.bound_stages(setting, *draw_many(setting, 20, np.random.default_rng(882740)))
    learning = np.isfinite(bounds.signal_low)
    assert 0 < learning.sum() < 20
    assert (bounds.signal_high == math.inf).all()
    # v^-7 is beyond them, and so is T_III.
    steep = PatchSetting.version_1(1000, num_samples=2, width=3, degree=9, init_exponent=-10)
    arrays = [part * 10.0**-30 for part in draw_many(steep, 20, np.random.default_rng(882741))]
    assert np.isfinite(stage_bounds.bound_stages(steep, *arrays).memorization_low).all()


@pytest.mark.parametrize(("degree", "never"), [(2, False), (3, True), (4, True)])
def test_without_an_attack_nothing_is_memorized_where_the_clock_is_finite(degree, never):
    setting = PatchSetting.version_1(10**6, num_samples=3, width=6, degree=degree, adversarial_weight=0.0)
    bounds = stage_bounds.bound_stages(setting, *draw_many(setting, 50, np.random.default_rng(882742)))
    learned = np.isfinite(bounds.signal_low)
    assert learned.sum() > 40
    assert (np.isinf(bounds.memorization_low[learned]) == never).all()
    # Without a neuron that favours the signal the clean loss goes on driving the noise.
    assert np.isfinite(bounds.memorization_low[~learned]).all()


def test_a_draw_that_starts_with_large_projections_may_be_memorized_at_once():
    setting = PatchSetting.version_1(1000, num_samples=2, width=2)
    projections, signed, gram = draw_many(setting, 1, np.random.default_rng(882743))
    bounds = stage_bounds.bound_stages(setting, projections, 100.0 * signed / np.abs(signed).max(), gram)
    assert bounds.memorization_low[0] == 0.0
    assert not bounds.ordered[0]
