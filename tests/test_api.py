"""`from cgro_theory import …`: fast to import, the numbers of the commands, tables for notebooks and pandas."""

import subprocess
import sys
import types

import numpy as np
import pytest

import cgro_theory
from cgro_theory import PatchSetting, certify, flatness, memorizer, robust_size, simulate, stages, verify
from cgro_theory.calculator.drawn_stages import drawn_stages
from cgro_theory.errors import InvalidInput
from cgro_theory.report.figures import render
from cgro_theory.tables import Tabular

SETTING = PatchSetting.version_1(10**6, num_samples=3, width=8)


def test_importing_the_package_imports_nothing_else_and_the_calculator_no_torch():
    code = (
        "import sys, cgro_theory\n"
        "heavy = {'numpy', 'scipy', 'sympy', 'torch', 'flint', 'cgro_theory.api'}\n"
        "assert not heavy & set(sys.modules)\n"
        "from cgro_theory import PatchSetting, certify, flatness, memorizer, robust_size\n"
        "from cgro_theory import simulate, stages, verify\n"
        "stages(PatchSetting.version_1(10**9)); flatness(1000, 1, gradient_variation=1.0)\n"
        "assert 'torch' not in sys.modules and 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_name_is_there_listed_and_documented_and_no_other():
    for name in cgro_theory.__all__:
        assert name in dir(cgro_theory)
        assert getattr(cgro_theory, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'stagess'"):
        _ = cgro_theory.stagess


def test_a_draw_s_stages_are_those_of_the_run_with_its_seed():
    answer, run = stages(SETTING, 886101), simulate(SETTING, seed=886101)
    assert answer == drawn_stages(SETTING, 886101)
    (row,) = run.rows()
    assert answer["signal_time"].low <= row["signal_time"] <= answer["signal_time"].high
    time = answer["memorization_time"]
    assert time.low <= row["first_memorization_time"] <= time.high
    assert (row["seed"], row["points_memorized"], row["robust_train_error"]) == (886101, 3, 0.0)
    assert str(run).startswith("d = 10^6, N = 3")
    assert set(render(run.figure())) == {"png", "svg", "json"}


def test_a_run_without_an_end_has_empty_cells():
    run = simulate(PatchSetting.version_1(10**9), learning_rate=0.05, steps=500, method="descent")
    (row,) = run.rows()
    assert (row["stopped_because"], row["first_memorization_time"], row["clean_test_error"]) == (
        "diverged",
        None,
        None,
    )
    assert "<td>—</td>" in run._repr_html_()


def test_the_calculator_s_functions_take_plain_numbers():
    one = flatness(10**6, 1, gradient_variation="cosine")
    assert flatness(10**6, 1, gradient_variation=3.6) == one
    assert (
        flatness(10**6, 1, gradient_variation=3.6, global_flatness=2.0)["gap_bound"].value > one["gap_bound"].value
    )
    finer = flatness(10**6, 1, gradient_variation=3.6, level=0.01)
    assert finer["samples_needed"].value > one["samples_needed"].value
    assert memorizer(100, 10, float("inf"))["structural_count"].value == 100 * 64 + 4 + 11
    assert robust_size(41)["robust_lower_bound"].vacuous is not True
    with pytest.raises(InvalidInput, match="num_samples"):
        flatness(0, 1, gradient_variation=1.0)
    with pytest.raises(TypeError, match="gradient_variation"):
        flatness(1000, 1)


def test_a_theorem_is_verified_in_rows():
    result = verify("lemmas", seed=886102, only=("lemmas.gaussian_chaos_variance",))
    (row,) = result.rows()
    assert (row["claim"], row["outcome"]) == ("lemmas.gaussian_chaos_variance", "certified")
    assert row["claim"] in result._repr_html_()
    for wrong in ({"theorem": "all"}, {"theorem": "lemmas", "profile": "fast"}, {"theorem": "lemmas", "seed": -1}):
        with pytest.raises(InvalidInput):
            verify(**wrong)


def test_a_proof_is_of_the_draw_and_refuses_what_has_none():
    proof = certify(PatchSetting.version_1(10**6, num_samples=2, width=3), 0)
    assert proof.proved["clean_train_error"] == 0.0
    with pytest.raises(InvalidInput, match="degree"):
        certify(PatchSetting.version_1(10**6, degree=4))


class Two(Tabular):
    def rows(self):
        return [{"<a>": 1.0 / 3, "b": None}, {"<a>": np.float64(2), "b": "<script>"}]


def test_tables_are_escaped_and_frames_come_from_pandas_alone(monkeypatch):
    shown = Two()._repr_html_()
    assert "<script>" not in shown
    assert "<th>&lt;a&gt;</th>" in shown
    assert "<td>0.333333</td><td>—</td>" in shown
    pandas = types.ModuleType("pandas")
    pandas.DataFrame = list
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    assert Two().to_dataframe() == Two().rows()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        Two().to_dataframe()
