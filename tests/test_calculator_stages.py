"""Theorem 1's stages where a time or a margin does not exist, or an assumption fails: words, no number."""

import pytest

from cgro_theory.calculator.drawn_stages import drawn_stages
from cgro_theory.calculator.stages import stages
from cgro_theory.commands.bound_text import table_text
from cgro_theory.setting import PatchSetting


def met(answer, name):
    return next(each.met for each in answer.conditions if each.name == name)


def test_above_the_boundary_of_memorization_there_is_no_plateau_at_its_time():
    setting = PatchSetting.version_1(10**6, attacked_signal_fraction=0.5)
    for answer in (stages(setting), drawn_stages(setting, 5)):
        assert answer["memorization_time"].absent == "not memorized"
        for name in ("plateau_signal_margin", "attacked_signal_margin"):
            assert (answer[name].value, answer[name].absent) == (None, "no T_III")
        assert met(answer, "memorization") is False
        # What is never memorized is memorized last.
        assert met(answer, "stage order") is True


def test_the_plateau_ends_where_the_attacked_loss_drives_the_signal_more_than_the_clean_one():
    at = {kappa: stages(PatchSetting.version_1(10**6, attacked_signal_fraction=kappa)) for kappa in (1e-4, 3e-3)}
    assert at[3e-3]["memorization_time"].value == at[1e-4]["memorization_time"].value
    plateau = at[1e-4]["plateau_signal_margin"]
    assert plateau.terms[-1].name == "attacked share"
    assert plateau.terms[-1].value < 0.01
    assert at[3e-3]["plateau_signal_margin"].absent == "no plateau"


@pytest.mark.parametrize(("kappa", "rests"), [(-0.4, True), (-0.6, True), (-0.3, False)])
def test_a_signal_that_rests_below_one_is_never_learned(kappa, rests):
    setting = PatchSetting.version_1(10**6, attacked_signal_fraction=kappa)
    for answer in (stages(setting), drawn_stages(setting, 5)):
        assert (answer["resting_signal_margin"].value <= 1.0) is rests
        signal = answer["signal_time"]
        assert (signal.absent == "never") is rests
        assert (signal.value is None) is rests
        assert not rests or met(answer, "stage order") is False


@pytest.mark.parametrize(("dimension", "samples", "small"), [(60, 120, False), (120, 20, True), (117, 20, False)])
def test_noise_patches_that_are_not_nearly_orthogonal_are_said_so(dimension, samples, small):
    # 2√x + x = 1 at x = (√2 - 1)² = 0.1716.
    answer = stages(PatchSetting.version_1(dimension, num_samples=samples, attacked_signal_fraction=1e-4))
    assert met(answer, "near orthogonality") is small
    assert small or "none is claimed" in answer.notes[0]


def test_a_union_bound_is_at_most_one_and_stands_once_below_a_table():
    answers = [stages(PatchSetting.version_1(10**6, num_samples=count, width=1)) for count in (5, 20)]
    text = table_text(answers, "num_samples")
    assert text.count("every point has a neuron") == 1
    assert "with probability at most 1, min(1, N 2^(-mJ))" in text


def test_an_attack_that_is_none_is_said_so():
    for answer in (stages(PatchSetting.version_1(2)), drawn_stages(PatchSetting.version_1(100, num_samples=2), 0)):
        assert any("there is no attack; auto is 1 at d = 2" in note for note in answer.notes) is (
            answer.parameters["patch_dimension"] == 2
        )


def test_enclosures_are_said_to_be_of_floats():
    assert any("float64" in note for note in drawn_stages(PatchSetting.version_1(10**6), 0).notes)
    assert not any("float64" in note for note in stages(PatchSetting.version_1(10**6)).notes)
