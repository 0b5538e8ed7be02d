"""Installed, the plug-in is found and verified; its runs, ‖w*‖² and test errors agree with others."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from benign_leaky_relu import exponents, runs, thresholds
from scipy.optimize import minimize
from scipy.stats import norm, qmc

from cgro_theory.claims import Environment, conclude
from cgro_theory.theorems import catalogue, plugins
from cgro_theory.theorems.verification import plan_room, verify_room

CPU = Environment("3", "2", "cpu", "float64", "0", "none")
PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_installed_it_is_found_and_verified(tmp_path, monkeypatch):
    installed = tmp_path / "benign_leaky_relu-0.1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Name: {PROJECT['name']}\nVersion: {PROJECT['version']}\n")
    points = [f"{name} = {value}\n" for name, value in PROJECT["entry-points"][plugins.GROUP].items()]
    (installed / "entry_points.txt").write_text(f"[{plugins.GROUP}]\n{''.join(points)}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(catalogue, "_plugins", plugins.Plugins(catalogue.TAKEN))
    monkeypatch.setitem(runs.INSTANCES, "quick", 400)
    exact = ("benign_leaky_relu.updates", "benign_leaky_relu.norm")
    result = verify_room(plan_room(catalogue.room("benign_leaky_relu"), seed=882001, only=exact), CPU)
    assert conclude([result]).reasons == ()
    assert [verdict.outcome for verdict in result.verdicts] == ["consistent", "consistent"]


@pytest.mark.parametrize("seed", range(882100, 882110))
def test_exact_runs_agree_with_floats(seed):
    problem = runs.draw_problem(seed)
    exact, points, y = runs.train(problem), np.array(problem.points), np.array(problem.labels)
    weights, a = np.array(problem.start.tolist(), dtype=float), np.repeat([1.0, -1.0], problem.half_width)
    for _ in range(exact.steps):
        slopes = np.where(weights @ points.T > 0, 1.0, float(problem.slope))
        margins = y * (a @ (slopes * (weights @ points.T)))
        weights += float(problem.rate) * a[:, None] * ((slopes * (y * (margins < 1))) @ points)
    assert float(exact.squared_norm) == pytest.approx((weights**2).sum())
    signed = {"type": "ineq", "fun": lambda w: y * (points @ w) - 1}
    least = minimize(lambda w: w @ w, np.linalg.pinv(y[:, None] * points).sum(axis=1), constraints=signed).fun
    assert float(problem.difficulty * problem.slope**2 * problem.half_width) == pytest.approx(least, rel=1e-5)


def test_thresholds_give_the_exponents_and_other_training_sets_do_not():
    found = runs.BenignRuns(882200, thresholds=tuple(thresholds.groups(882200, 8)))
    for entry, expected in zip(exponents.CHECKED, (-1.0, 0.0), strict=True):
        pair = entry.check(found, 0.05)
        assert pair.measurement.interval.low - 0.06 < expected < pair.measurement.interval.high + 0.06
        altered = entry.controls[-1].alter(found)
        assert abs(entry.check(altered, 0.05).measurement.estimate - expected) > 0.15
    missing = runs.BenignRuns(0, thresholds=(*found.thresholds, thresholds.Group(np.nan, (0.0,), np.nan, 0.0)))
    for entry in exponents.CHECKED:
        pair = entry.check(missing, 0.05)
        assert pair.measurement.interval.is_disjoint_from(pair.prediction.interval)


def test_the_test_error_is_that_of_points_drawn_in_full():
    generator = np.random.default_rng(882300)
    weights, strength, slope, d = generator.normal(size=(4, 40)), 0.1, 0.25, 40
    weights[:, 0] += [2.0, 2.0, -1.0, -1.0]
    y, noise = generator.choice([-1.0, 1.0], 100_000), generator.normal(size=(100_000, d)) / np.sqrt(d)
    noise[:, 0] = 0.0
    points = np.sqrt(1 - strength) * noise + np.sqrt(strength) * np.outer(y, np.eye(d)[0])
    before = points @ weights.T
    counted = np.mean(y * (np.where(before > 0, before, slope * before) @ [1, 1, -1, -1]) <= 0)
    fresh = norm.ppf(qmc.Sobol(4, rng=generator).random(2**14))
    assert thresholds.test_error(weights, strength, slope, fresh) == pytest.approx(counted, abs=0.006)
