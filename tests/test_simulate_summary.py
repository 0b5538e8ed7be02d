"""What `cgro simulate` prints and draws: counts, brackets and phases follow from the runs, in 80 columns."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from cgro_theory.cli import main
from cgro_theory.commands.simulate import trajectories_document
from cgro_theory.commands.simulate_figure import trajectory_figure
from cgro_theory.commands.simulate_plan import SimulateRequest, carry_out, plan_simulation
from cgro_theory.commands.simulate_summary import MOST_ROWS, summary_text
from cgro_theory.setting import PatchSetting

SMALL = ("--dimension", "1e6", "--samples", "3", "--width", "8", "--runs", "2", "--seed", "886001", "--quiet")


def trained(runs=2, seed=886001, **options):
    setting = PatchSetting.version_1(10**6, num_samples=3, width=8, **options)
    plan = plan_simulation(SimulateRequest(setting, runs=runs, seed=seed, method="flow"))
    return carry_out(plan), plan


@pytest.fixture(scope="module")
def usual():
    return trained()


def told(trajectories, plan):
    text = summary_text(trajectories, trajectories_document(trajectories, plan))
    assert max(map(len, text.splitlines())) <= 80
    return text


def test_the_usual_runs_are_told_with_brackets_that_hold_them(usual):
    text = told(*usual)
    for words in (
        "signal learned in 2 of 2 runs",
        "every point memorized in 2 of 2",
        "4 of 4 measured times lie in their brackets",
        "phase seen in 2 of 2: memorization, robust overfitting, CGRO",
        "phase predicted: κ < κ_1 and κ*",
    ):
        assert words in text
    rows = re.findall(r"^ +\d+  (\S+) +\[(\S+), (\S+)\] +(\S+) +\[(\S+), (\S+)\] +3/3$", text, re.MULTILINE)
    assert len(rows) == 2
    for row in rows:
        signal, low, high, noise, first, last = map(float, row)
        assert low <= signal <= high < first <= noise <= last


def test_a_time_outside_its_bracket_is_counted_as_such(usual):
    trajectories, plan = usual
    late = replace(trajectories, signal_time=trajectories.signal_time * np.array([1.0, 1.01]))
    assert "3 of 4 measured times lie in their brackets" in told(late, plan)


def test_brackets_narrower_than_the_flow_s_error_are_no_misses():
    setting = PatchSetting.version_1(10**12, num_samples=3, width=4, degree=5)
    plan = plan_simulation(SimulateRequest(setting, runs=2, seed=886002, method="flow"))
    trajectories = carry_out(plan)
    assert "4 of 4 measured times lie in their brackets, up to the flow's error 1e-06" in told(trajectories, plan)
    late = replace(trajectories, signal_time=trajectories.signal_time * (1.0 + 1e-5))
    assert "2 of 4 measured" in told(late, plan)


def test_above_the_boundary_nothing_is_memorized_and_the_summary_says_why():
    text = told(*trained(attacked_signal_fraction=0.5))
    assert text.count("κ not below κ*") == 2
    assert "some point memorized in 0 of 2\n" in text
    assert "phase seen in 2 of 2: no memorization, robust generalization" in text


def test_beyond_alpha_the_first_memorization_is_enclosed_and_a_signal_at_rest_is_no_cgro():
    text = told(*trained(attacked_signal_fraction=-0.4))
    assert re.findall(r"never +stays below 1 +\S+ +\[", text) == re.findall(r"never.*\[", text)
    assert "2 of 2 measured times lie in their brackets" in text
    assert re.search(r"phase seen in 2 of 2: signal at z = 0\.\d+.*, below 1", text)
    assert "CGRO" not in text


def test_a_signal_that_was_not_learned_is_no_cgro(usual):
    trajectories, plan = usual
    text = told(replace(trajectories, signal_time=np.full(2, np.nan)), plan)
    assert "phase seen in 2 of 2: signal not learned, memorization, robust overfitting\n" in text


@pytest.mark.parametrize("change", [{"adversary": "span"}, {"dtype": "float32"}])
def test_nothing_is_predicted_where_theorem_1_is_not_meant(usual, change):
    trajectories, plan = usual
    text = told(replace(trajectories, **change), plan)
    assert "[" not in text.partition("errors")[0]
    assert "theorem 1 predicts no time for this setting" in text


def test_an_unmemorized_point_and_a_fragile_network_are_seen(usual):
    trajectories, plan = usual
    times = trajectories.memorization_times.copy()
    times[0, 1] = np.nan
    text = told(replace(trajectories, memorization_times=times), plan)
    assert "every point memorized in 1 of 2" in text
    assert " 2/3\n" in text
    assert "phase seen in 1 of 2: memorization in part, robust overfitting" in text


def test_many_runs_are_summed_up_and_broken_ones_named(usual):
    trajectories, plan = trained(runs=MOST_ROWS + 1)
    assert "and 1 more runs" in told(trajectories, plan)
    broken = replace(trajectories, stopped_because=("failed",) * trajectories.runs)
    text = told(broken, plan)
    assert "no run has an end" in text
    assert f"phase seen in {MOST_ROWS + 1} of {MOST_ROWS + 1}: no end" in text


def test_the_figure_shows_the_run_and_marks_the_predicted_times(usual):
    trajectories, _ = usual
    (panel,) = trajectory_figure(trajectories).panels
    signal, *noise = panel.series
    assert len(noise) == 3
    assert signal.x[0] > 0
    assert (signal.x[-1], signal.y[-1]) == (trajectories.final_time[0], trajectories.final_signal_margin[0])
    marked = {marker.label: marker.value for marker in panel.markers}
    assert marked["predicted $T_I$"] == pytest.approx(trajectories.signal_time[0], rel=1e-3)
    assert marked["predicted $T_{III}$"] == pytest.approx(trajectories.memorization_times[0].min(), rel=1e-2)


def call(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["simulate", *SMALL, *map(str, arguments)])
    return stopped.value.code


def test_the_command_prints_json_only_where_asked_and_draws(capsys, tmp_path):
    assert call("--json", tmp_path / "a.json", "--figure", tmp_path / "a.svg") == 0
    assert capsys.readouterr().out.startswith("d = 10^6, N = 3, P = 2, m = 8")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert call("--json", "-") == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))


def test_a_figure_of_another_kind_is_refused_before_training(capsys, tmp_path):
    assert call("--figure", tmp_path / "a.gif") == 2
    assert "--figure must be a file that ends in .png or .svg" in capsys.readouterr().err
