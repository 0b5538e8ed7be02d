"""``cgro bound stages --draws``: what it says of all draws, in which words, and that fresh draws keep to it."""

import json
import math

import numpy as np
import pytest
from test_calculator_command import document, run

from cgro_theory.calculator.stages_over_draws import stages_over_draws
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.theory.stage_probability import sample_stages

SMALL = PatchSetting.version_1(1000, num_samples=5, width=8)
FEW = ("stages", "--dimension", "1e6", "--samples", "4", "--width", "14", "--draws", "700", "--coverage", "0.9")


def test_limits_of_one_sample_hold_for_another():
    answer = stages_over_draws(SMALL, 3000, coverage=0.9, failure_probability=1e-3, seed=882820)
    others = sample_stages(SMALL, 3000, 882821)
    first, last = answer["signal_time"], answer["memorization_time"]
    inside = (others.bounds.signal_low >= first.low) & (others.bounds.signal_high <= first.high)
    assert inside.mean() > 0.9
    assert (others.bounds.memorization_low >= last.low).mean() > 0.9
    assert others.bounds.ordered.mean() > answer["stage_order_probability"].low
    for name, values in (
        ("signal_time_formula", others.leading_signal),
        ("memorization_time_formula", others.leading_memorization),
        ("memorization_boundary_formula", others.leading_boundary),
    ):
        ends = answer[name]
        assert 0.9 < ((values >= ends.low) & (values <= ends.high)).mean() < 1.0
        assert str(ends.direction) == "leading order"


def test_the_order_is_no_likelier_than_that_a_neuron_favours_the_signal():
    answer = stages_over_draws(PatchSetting.version_1(10**6, num_samples=2, width=2), 400, seed=882822)
    probability = answer["stage_order_probability"]
    assert probability.low < 0.75 <= probability.high <= np.nextafter(0.75, 1.0)
    assert str(probability.direction) == "estimate"


def test_too_few_draws_give_no_limits_and_say_so():
    answer = stages_over_draws(SMALL, 100, seed=882823)
    for name in ("signal_time", "memorization_time"):
        assert (answer[name].low, answer[name].high) == (0.0, math.inf)
        assert "too few" in answer[name].note
    assert {each.name: each.met for each in answer.conditions}["stages apart"] is None


def test_what_most_draws_fail_is_not_met_however_few_they_are():
    answer = stages_over_draws(
        PatchSetting.version_1(10**9, width=1),
        1500,
        coverage=0.9,
        seed=887710,
        setting_at=lambda d: PatchSetting.version_1(d, width=1),
    )
    met = {each.name: each.met for each in answer.conditions}
    assert met["width"] is False
    assert met["stages apart"] is False
    assert "at 1e18 alone" in answer["smallest_dimension"].note


def test_the_command_names_confidence_and_the_smallest_dimension():
    text = run(*FEW)
    assert "at confidence 1 - 1e-06, from 700 draws" in text
    assert "smallest_dimension = " in text
    (answer,) = document(*FEW, "--seed", "882824")["answers"]
    assert answer["parameters"]["draws"] == 700
    assert answer["parameters"]["seed"] == 882824
    width = next(each for each in answer["assumptions"] if each["name"] == "width")
    assert "of 700 draws" in width["statement"]


def test_a_table_over_points_has_a_row_for_each():
    rows = run(*FEW[:3], "--samples", "2,3", "--width", "14", "--draws", "700", "--coverage", "0.9").splitlines()
    assert rows[0].split()[0] == "num_samples"
    assert [row.split()[0] for row in rows[2:4]] == ["2", "3"]


def test_the_figure_over_points_shows_probability_limits_and_dimension(tmp_path):
    path = tmp_path / "order.json"
    run(
        *FEW[:3], "--samples", "2,3", "--width", "14", "--draws", "700", "--coverage", "0.9", "--figure", str(path)
    )
    drawn = json.loads(path.read_text(encoding="utf-8"))
    assert [panel["series"][0]["x"] for panel in drawn["panels"]] == [[2.0, 3.0]] * 3
    probability, limits, smallest = drawn["panels"]
    assert all(0.9 < value < 1.0 for value in probability["series"][0]["y"])
    signal, late = limits["series"][0]["y"], limits["series"][2]["y"]
    assert all(first < last for first, last in zip(signal, late, strict=True))
    assert all(10 <= value <= 10**6 for value in smallest["series"][0]["y"])
    assert [file.name for file in tmp_path.iterdir()] == ["order.json"]


@pytest.mark.parametrize("weight", ["0", "1"])
def test_one_loss_alone_has_its_answer(weight):
    (answer,) = document(*FEW, "--adversarial-weight", weight)["answers"]
    ends = {each["name"]: (each["low"], each["high"]) for each in answer["quantities"]}
    if weight == "0":
        assert ends["memorization_time"] == ("inf", "inf")
        assert ends["stage_order_probability"][0] > 0.97
    else:
        assert ends["stage_order_probability"][0] == 0.0
        assert ends["signal_time"][1] == "inf"
