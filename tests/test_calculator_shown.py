"""What the calculator's text shows of numbers at the ends of floats and of ranges, and of points that repeat."""

import math

import pytest
from test_calculator_command import run

from cgro_theory.calculator.fresh_point import FreshPointLaw, fresh_point_errors
from cgro_theory.calculator.robust_size import robust_size


def test_an_error_that_no_float_holds_is_shown_by_its_power_of_ten():
    text = run("test-error", "--signal-margin", "14", "--attacked-fraction", "0.5")
    assert "e-32" not in text
    upper = next(line for line in text.splitlines() if line.startswith("clean_test_error_upper"))
    power = float(upper.partition("= 10^")[2].split()[0])
    answer = fresh_point_errors(FreshPointLaw.isotropic(14.0, 0.5, 1e-4, 24))
    assert answer["clean_test_error_upper"].log10 <= power < -324.0


def test_the_power_of_ten_bounds_what_a_float_holds():
    answer = fresh_point_errors(FreshPointLaw.isotropic(0.5, 0.5, 0.01, 24))
    for kind in ("clean", "robust"):
        lower, upper = (answer[f"{kind}_test_error_{end}"] for end in ("lower", "upper"))
        assert lower.log10 == pytest.approx(math.log10(lower.value), rel=1e-12)
        assert upper.log10 == pytest.approx(math.log10(upper.value), rel=1e-12)


def test_a_parameter_just_inside_its_range_is_not_shown_as_the_end_outside():
    assert "error_share = 0.4999999," in run("robust-size", "--error-share", "0.4999999")
    assert "noise_std = 0.0092045," in run("stages")


@pytest.mark.parametrize(("dimension", "samples", "few"), [(5, 16, True), (5, 17, False), (10**6, 10**9, True)])
def test_more_points_than_the_instance_has_are_said_to_repeat(dimension, samples, few):
    answer = robust_size(dimension, num_samples=samples)
    assert next(each.met for each in answer.conditions if each.name == "points") is few
    smaller = answer["robust_upper_bound"].value < answer["cgro_count"].value
    assert smaller is not few
