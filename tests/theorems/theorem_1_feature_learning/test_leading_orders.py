"""Leading orders of theorem 1 lie near the enclosures of the same draw."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cgro_theory.setting import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import initial_draws_of
from cgro_theory.theorems.theorem_1_feature_learning.theory import memorization as memorize
from cgro_theory.theorems.theorem_1_feature_learning.theory import signal as predict
from cgro_theory.trainer.reduction import draw_subspace_problem


@given(st.integers(0, 10**6), st.sampled_from([2, 3, 4]))
@settings(max_examples=12)
def test_leading_orders_lie_near_their_enclosures(seed, degree):
    setting = PatchSetting.version_1(10**8, degree=degree)
    draw = initial_draws_of(draw_subspace_problem(setting, (seed,)))[0]
    signal = predict.predict_signal_time(setting, draw, 0.0)
    assert signal.interval is not None
    assert 0.5 * signal.interval.low <= signal.leading_order <= 1.5 * signal.interval.high
    first = memorize.predict_first_memorization_time(setting, draw, 0.0)
    assert first.interval is not None
    assert 0.9 * first.interval.low <= first.leading_order <= 1.1 * first.interval.high


def test_logarithmic_growth_solves_its_equation():
    for scale in (10.0, 1e3, 1e9):
        margin = predict.logarithmic_growth(scale, 3)
        assert np.isclose(np.exp(margin), scale * margin ** (4 / 3))
    assert predict.logarithmic_growth(1.0, 3) == 0.0
