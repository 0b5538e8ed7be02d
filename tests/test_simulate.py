"""What ``cgro simulate`` chooses, refuses and warns of; when a descent is lost; what its robust errors mean."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from cgro_theory.calculator.drawn_stages import drawn_stages
from cgro_theory.commands.run_size import bytes_needed, require_memory
from cgro_theory.commands.simulate import trajectories_document
from cgro_theory.commands.simulate_plan import AFFORDABLE_STEPS, SimulateRequest, carry_out, plan_simulation
from cgro_theory.errors import InvalidInput
from cgro_theory.setting import PatchSetting
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.divergence import MAX_SLOPE_RATIO, lost_rows
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem


def simulate(capsys, *arguments):
    """Exit code, document and standard error of ``cgro simulate``."""
    from cgro_theory.cli import main

    with pytest.raises(SystemExit) as stopped:
        main(["simulate", *map(str, arguments), "--json", "-"])
    captured = capsys.readouterr()
    return stopped.value.code, json.loads(captured.out) if captured.out else None, captured.err


@pytest.mark.parametrize("dimension", ["60", "1e4", "1e9", "1e15"])
def test_the_default_run_shows_the_phenomenon_at_any_dimension(capsys, dimension):
    """Signal learned, every point memorized, clean error small and robust error near a half."""
    code, document, told = simulate(capsys, "--dimension", dimension, "--samples", 6, "--runs", 1)
    assert code == 0
    assert document["parameters"]["method"] == ("descent" if float(dimension) < 100 else "flow")
    (run,) = document["runs"]
    assert run["stopped_because"] == "memorized"
    assert run["signal_time"] < min(run["memorization_times"])
    final = run["final"]
    assert final["signal_margin"] > 5
    assert (final["clean_train_error"], final["robust_train_error"]) == (0, 0)
    assert final["clean_test_error"] < 0.01
    assert final["robust_test_error"] > 0.45
    notes = [line for line in told.splitlines() if line.startswith("note: ")]
    assert len(notes) == 1
    assert "about" in notes[0]


def test_descent_is_chosen_where_its_steps_are_few_alike_in_every_batch():
    for dimension, method in ((200, "descent"), (10**5, "flow")):
        setting = PatchSetting.version_1(dimension, num_samples=5, width=8)
        plans = [
            plan_simulation(SimulateRequest(setting, runs=runs, seed=seed)) for runs, seed in ((1, 3), (9, 9000))
        ]
        assert {plan.method for plan in plans} == {method}
        if method == "descent":
            assert {plan.learning_rate for plan in plans} == {setting.stable_learning_rate()}
            assert all(plan.steps < 3 * AFFORDABLE_STEPS for plan in plans)


def test_two_base_seeds_share_no_run_and_each_run_can_be_done_again_and_predicted_by_its_own(capsys):
    size = ("--dimension", 1e6, "--samples", 3, "--width", 5, "--method", "flow", "--horizon", 100, "--quiet")
    batches = [simulate(capsys, *size, "--runs", 2, "--seed", seed)[1]["runs"] for seed in (5, 6)]
    seeds = [[run["seed"] for run in batch] for batch in batches]
    assert [batch[0] for batch in seeds] == [5, 6]
    assert len({seed for batch in seeds for seed in batch}) == 4
    assert all(seed < 2**53 for batch in seeds for seed in batch)
    setting = PatchSetting.version_1(10**6, num_samples=3, width=5)
    for run in batches[0]:
        (alone,) = simulate(capsys, *size, "--runs", 1, "--seed", run["seed"])[1]["runs"]
        assert alone == run
        time = drawn_stages(setting, run["seed"])["signal_time"]
        assert time.low <= run["signal_time"] <= time.high


def test_a_rate_above_the_rule_is_warned_of(capsys):
    small = ("--dimension", 1e4, "--samples", 3, "--width", 5, "--runs", 1, "--steps", 3, "--quiet")
    rule = PatchSetting.version_1(10**4, num_samples=3, width=5).stable_learning_rate()
    for rate, times in ((0.99 * rule, ""), (1.5 * rule, "is 1.5 times the step rule")):
        _, _, told = simulate(capsys, *small, "--learning-rate", rate)
        assert (times in told) if times else told == ""


def test_the_old_default_rate_is_caught_at_a_billion_dimensions(capsys):
    code, document, told = simulate(
        capsys, "--dimension", 1e9, "--learning-rate", 0.05, "--steps", 500, "--runs", 2, "--quiet"
    )
    assert code == 3
    assert [run["final"] for run in document["runs"]] == [None, None]
    assert {run["stopped_because"] for run in document["runs"]} == {"diverged"}
    # A crossing inside the step that leapt says nothing.
    assert [run["signal_time"] for run in document["runs"]] == [None, None]
    assert "diverged at step" in told
    assert "the rule gives --learning-rate 3.66e-05" in told


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_what_is_not_flagged_follows_the_flow(degree):
    """Up to 8 times the rule's step T_III is within 8 % of the flow's, and nothing is lost; 1,000 times is."""
    setting = PatchSetting.version_1(300, num_samples=3, width=8, degree=degree)
    problem = draw_subspace_problem(setting, (9000, 9001))
    flow = integrate_flow(problem, horizon=1e9)
    first, end = np.min(flow.memorization_times, axis=1), float(flow.final_time.max())
    rule = setting.stable_learning_rate()
    steps = min(60_000, int(1.2 * end / rule / 4))
    for factor, is_lost in ((4, False), (8, False), (1000, True)):
        runs = train(problem, learning_rate=factor * rule, steps=steps)
        assert (runs.broken == (0, 1)) is is_lost
        if not is_lost:
            assert np.all(np.abs(np.nanmin(runs.memorization_times, axis=1) / first - 1.0) < 0.08)


def test_one_leap_in_a_batch_is_seen_and_only_there():
    """Rows 3 steps, 2 runs, N = 2; run 1 leaps from z = 0 to 10 in the second step, and back in the third."""
    setting = PatchSetting.version_1(10**4, num_samples=2)
    history = torch.zeros(4, 2, 3, dtype=torch.float64)
    history[2, 1, 0] = 10.0 / setting.clean_gain
    lost = lost_rows(setting, AdversaryName.TRANSFER, history)
    assert lost.tolist() == [[False, False], [False, False], [False, True], [False, True]]
    just = torch.zeros(2, 1, 3, dtype=torch.float64)
    # The signal's drive falls from ψ(0) to ψ(z) = ψ(0)/99, and to ψ(0)/101.
    for ratio in (0.99 * MAX_SLOPE_RATIO, 1.01 * MAX_SLOPE_RATIO):
        just[1, 0, 0] = np.log(2 * ratio - 1) / setting.clean_gain
        assert lost_rows(setting, AdversaryName.TRANSFER, just)[1, 0].item() is (ratio > MAX_SLOPE_RATIO)


def test_far_moves_on_the_straight_side_of_the_loss_are_no_leaps():
    setting = PatchSetting.version_1(10**4, num_samples=2, attacked_signal_fraction=1.0)
    history = torch.zeros(2, 1, 3, dtype=torch.float64)
    history[:, 0, 0] = torch.tensor([-1000.0, -500.0]) / setting.clean_gain
    assert not lost_rows(setting, AdversaryName.TRANSFER, history).any()
    history[1, 0, 0] = float("nan")
    assert lost_rows(setting, AdversaryName.TRANSFER, history).tolist() == [[False], [True]]


@pytest.mark.parametrize(
    "arguments",
    [
        "--method descent --horizon 5",
        "--method descent --tolerance 1e-6",
        "--steps 5 --tolerance 1e-6",
        "--learning-rate 0.01 --horizon 5",
        "--method flow --steps 5",
        "--method flow --learning-rate 0.01",
        "--method flow --dtype float64",
        "--engine dense --dimension 100 --horizon 5",
    ],
)
def test_options_without_effect_are_refused(capsys, arguments):
    code, document, told = simulate(capsys, *arguments.split())
    assert (code, document) == (2, None)
    assert "must be left out" in told
    assert len(told.splitlines()) == 1


def test_options_that_decide_the_method(capsys):
    small = ("--dimension", 500, "--samples", 3, "--width", 5, "--runs", 1, "--quiet")
    for options, method in (("--steps 5", "descent"), ("--horizon 1", "flow"), ("--tolerance 1e-5", "flow")):
        code, document, _ = simulate(capsys, *small, *options.split())
        assert code == 0
        assert document["parameters"]["method"] == method


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ("--runs 100000000000", "--runs"),
        ("--samples 100000", "--samples"),
        ("--samples 100000 --dimension 1e12", "--samples"),
        ("--width 1000000", "--width"),
        ("--patches 10000000", "--patches"),
        ("--engine dense --dimension 1e15", "--dimension"),
        ("--method descent --dimension 1e12", "--steps"),
        ("--steps 1000000000000000", "--steps"),
    ],
)
def test_sizes_beyond_the_machine_are_refused_with_the_limit(capsys, arguments, option):
    code, document, told = simulate(capsys, *arguments.split())
    assert (code, document) == (2, None)
    assert f"{option} must be at most " in told
    assert "are the limit" in told
    assert len(told.splitlines()) == 1


def test_the_limit_that_is_named_fits_and_one_more_does_not():
    setting, limit = PatchSetting.version_1(10**9, num_samples=10**5), 10**9
    with pytest.raises(InvalidInput) as caught:
        require_memory(setting, 2, limit=limit)
    most = int(caught.value.allowed.split()[2].replace(",", ""))
    assert caught.value.name == "num_samples"
    assert bytes_needed(replace(setting, num_samples=most), 2) <= limit
    assert bytes_needed(replace(setting, num_samples=most + 1), 2) > limit


def scored(adversary, fraction, weight, seeds):
    setting = PatchSetting.version_1(
        300, num_samples=3, width=4, attacked_signal_fraction=fraction, adversarial_weight=weight
    )
    rate = 0.001 * setting.stable_learning_rate() if adversary == "l2" else setting.stable_learning_rate()
    request = SimulateRequest(
        setting,
        learning_rate=rate,
        steps=30 if adversary == "l2" else 400,
        runs=seeds,
        seed=9000,
        adversary=adversary,
    )
    plan = plan_simulation(request)
    return trajectories_document(carry_out(plan), plan)


@pytest.mark.parametrize("adversary", ["transfer", "span", "l2"])
@pytest.mark.parametrize(("fraction", "weight"), [(-0.5, 1.0), (0.3, 1.0), (-0.5, 0.7), (1.0, 0.5), (0.01, 0.9)])
def test_robust_errors_are_never_below_clean_ones(adversary, fraction, weight):
    document = scored(adversary, fraction, weight, 2 if adversary == "l2" else 6)
    assert document["parameters"]["scored_adversary"] == ("l2" if adversary == "l2" else "span")
    for run in document["runs"]:
        final = run["final"]
        for side in ("train", "test"):
            assert final[f"robust_{side}_error"] >= final[f"clean_{side}_error"]
            assert final[f"robust_{side}_error"] >= final[f"transfer_{side}_error"]
        low, high = final["robust_test_error_interval"]
        assert low <= final["robust_test_error"] <= high


def test_the_fixed_shift_helps_a_network_that_learned_the_wrong_side():
    """λ = 1 and κ = -1/2 drive U below 0: the fixed shift is then scored below the clean error, under its name."""
    finals = [run["final"] for run in scored("transfer", -0.5, 1.0, 6)["runs"]]
    wrong = [final for final in finals if final["signal"] < 0 and final["clean_test_error"] > 0.9]
    assert wrong
    for final in wrong:
        assert final["transfer_test_error"] < 0.5 < final["clean_test_error"] <= final["robust_test_error"]


def test_a_flow_s_summary_needs_no_torch():
    line = "simulate --method flow --dimension 1e6 --samples 2 --width 3 --runs 1 --seed 886300 --quiet"
    code = f"""
import contextlib, sys
from cgro_theory.cli import main
with contextlib.suppress(SystemExit):
    main({line.split()!r})
assert not {{"torch", "sympy", "matplotlib", "sklearn"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "every point memorized in 1 of 1" in done.stdout


@pytest.mark.parametrize("method", ["descent", "flow"])
def test_times_and_ends_do_not_depend_on_how_often_a_run_is_recorded(method):
    setting = PatchSetting.version_1(2000, num_samples=3, width=4)
    steps = 300 if method == "descent" else None
    plan = plan_simulation(SimulateRequest(setting, method=method, steps=steps, runs=2, seed=886310))
    often, seldom = (trajectories_document(carry_out(plan, num_checkpoints=n), plan) for n in (100, 2))
    assert often == seldom
