"""Installed, the plug-in is found and verified; its exact runs and ‖w*‖² agree with independent floats."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from benign_leaky_relu import runs
from scipy.optimize import minimize

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
    result = verify_room(plan_room(catalogue.room("benign_leaky_relu"), seed=882001), CPU)
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
