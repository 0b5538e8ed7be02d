"""Tensor power iteration: the bracket against rational arithmetic, and what the lemma excludes."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cgro_theory.theorems.lemmas.runs.hitting_times import hitting_time
from cgro_theory.theorems.lemmas.theory.tensor_power import predict_tensor_power_time

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "lemmas_hitting_times.json").read_text())


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=str)
def test_hitting_times_agree_with_rational_arithmetic(case):
    assert hitting_time(case["initial"], case["rate"], case["level"], case["degree"]) == case["time"]


@given(
    st.floats(0.01, 0.9),
    st.floats(1.01, 20.0),
    st.floats(1e-3, 1.0),
    st.floats(1.0, 1.5),
    st.integers(2, 6),
    st.data(),
)
@example(0.5, 1.01, 1.0, 1.0, 2, None)
def test_tensor_power_time_is_bracketed(initial, factor, rate, spread, degree, data):
    """Also when the rate varies from step to step within its interval."""
    level, high_rate = initial * factor, rate * spread
    bracket = predict_tensor_power_time(initial, level, rate, high_rate, degree).interval
    seed = data.draw(st.integers(0, 99)) if data else 0
    generator = np.random.default_rng(seed)
    value, time = initial, 0
    while value < level:
        value += generator.uniform(rate, high_rate) * value ** (degree - 1)
        time += 1
        if time > 200_000:
            return
    assert math.floor(bracket.low) <= time <= math.ceil(bracket.high)


@pytest.mark.parametrize(
    "arguments",
    [(0.0, 1.0, 0.1, 0.1, 3), (1.0, 0.5, 0.1, 0.1, 3), (0.1, 1.0, 0.2, 0.1, 3), (0.1, 1.0, 0.1, 0.1, 1)],
)
def test_tensor_power_refuses_what_the_lemma_excludes(arguments):
    prediction = predict_tensor_power_time(*arguments)
    assert prediction.interval is None
    assert len(prediction.unmet) == 1
