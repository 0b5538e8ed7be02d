"""What a valid input is, said once."""

import math

from hypothesis import strategies as st

from cgro_theory.claims import Interval
from cgro_theory.setting import PatchSetting

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6)
unit = st.floats(0.0, 1.0)
failure_probabilities = st.floats(1e-9, 0.5)
degrees = st.integers(2, 5)


@st.composite
def intervals(draw):
    low, high = sorted((draw(finite), draw(finite)))
    return Interval(draw(st.sampled_from([low, -math.inf])), draw(st.sampled_from([high, math.inf])))


@st.composite
def settings_small(draw, max_dimension=60):
    """Settings small enough to write out in R^d, and large enough to reduce."""
    samples, patches, width = draw(st.integers(1, 4)), draw(st.integers(2, 3)), draw(st.integers(1, 4))
    low = 1 + samples * (patches - 1) + width
    return PatchSetting.version_1(
        draw(st.integers(max(low, 3), max_dimension)),
        num_samples=samples,
        num_patches=patches,
        width=width,
        degree=draw(degrees),
        attacked_signal_fraction=draw(st.floats(-1.0, 1.0)),
        adversarial_weight=draw(unit),
    )


@st.composite
def projections(draw):
    """Initial projections with at least one neuron that points to the signal."""
    values = draw(st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=6))
    return [*values, draw(st.floats(0.01, 0.3))]
