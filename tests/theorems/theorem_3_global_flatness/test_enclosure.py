"""Enclosures of the loss against autograd, brute force and the golden file: the certified side of F."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import sigmoid_loss
from scipy import integrate

from cgro_theory.theorems.theorem_3_global_flatness.runs.made import FlatnessCase
from cgro_theory.theorems.theorem_3_global_flatness.runs.networks import measure_case, measure_gain, sampled_ratio
from cgro_theory.theorems.theorem_3_global_flatness.runs.training import TrainingRecipe, train_networks
from cgro_theory.theorems.theorem_3_global_flatness.theory.density import TorusDensity
from cgro_theory.theorems.theorem_3_global_flatness.theory.enclosure import (
    ball_maximum,
    enclose_loss,
    max_curvature,
    max_gradient_norm,
    maximum_over_ball,
    mean_over,
    robust_loss,
)
from cgro_theory.theorems.theorem_3_global_flatness.theory.periodic_network import PeriodicNetwork
from cgro_theory.theorems.theorem_3_global_flatness.theory.realized_variation import enclosed_variation

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "theorem_3_bounds.json").read_text())
RECIPE = TrainingRecipe(8, 2, 60, 0.05, 0.0, 3, 512)


def random_network(dimension, seed, width=5, frequencies=2, size=1.0):
    generator = np.random.default_rng(seed)
    shape = (width, dimension, frequencies)
    return PeriodicNetwork(
        size * generator.standard_normal(shape),
        size * generator.standard_normal(shape),
        generator.standard_normal(width),
        2.0 * generator.standard_normal(width),
        float(generator.standard_normal()),
    )


def autograd(network, point, label):
    """ℓ, ‖∇ℓ‖₁ and ‖∇²ℓ‖_(∞→1) at one point by torch, the network written out again."""
    parts = [torch.tensor(a) for a in (network.cosines, network.sines, network.biases, network.outputs)]

    def loss(x):
        orders = torch.arange(1, network.cosines.shape[2] + 1, dtype=torch.float64)
        angles = 2 * torch.pi * x[:, None] * orders
        inner = parts[2] + (parts[0] * torch.cos(angles) + parts[1] * torch.sin(angles)).sum(dim=(1, 2))
        return torch.sigmoid(-label * (parts[3] @ torch.tanh(inner) + network.offset))

    x = torch.tensor(point, dtype=torch.float64, requires_grad=True)
    value = loss(x)
    (slope,) = torch.autograd.grad(value, x)
    bend = torch.autograd.functional.hessian(loss, x.detach()).numpy()
    signs = itertools.product((1.0, -1.0), repeat=len(point))
    return value.item(), float(slope.abs().sum()), max(np.abs(bend @ np.array(s)).sum() for s in signs)


@pytest.mark.parametrize("row", GOLDEN["points"], ids=lambda row: str(row["point"]))
def test_networks_agree_with_the_golden_file(row):
    arrays = {name: np.array(value, dtype=float) for name, value in GOLDEN["network"].items()}
    network = PeriodicNetwork(
        arrays["cosines"], arrays["sines"], arrays["biases"], arrays["outputs"], float(arrays["offset"])
    )
    point = np.array([float(value) for value in row["point"]])
    for label, key in ((1, "loss_plus"), (-1, "loss_minus")):
        found = sigmoid_loss(network.values(point[None]), label)[0]
        assert found == pytest.approx(float(row[key]), abs=1e-14)
        value, slope, bend = autograd(network, point, label)
        assert value == pytest.approx(float(row[key]), abs=1e-14)
        assert slope == pytest.approx(float(row["gradient_norm"]), rel=1e-12)
        assert bend == pytest.approx(float(row["curvature"]), rel=1e-11)
    fields = enclose_loss(network, 64)
    cell = tuple(np.floor(point * 64).astype(int))
    assert fields.loss_low[cell] <= float(row["loss_plus"]) <= fields.loss_high[cell]
    assert fields.gradient_low[cell] <= float(row["gradient_norm"]) <= fields.gradient_high[cell]
    assert float(row["curvature"]) <= fields.curvature_high[cell]


@given(st.sampled_from([1, 2, 3]), st.integers(0, 10**6), st.floats(0.1, 2.0), st.sampled_from([4, 16]))
def test_enclosures_contain_autograd_at_random_points(dimension, seed, size, cells):
    network = random_network(dimension, seed, size=size)
    fields = enclose_loss(network, cells)
    generator = np.random.default_rng(seed)
    for _ in range(6):
        point = generator.random(dimension)
        cell = tuple(np.floor(point * cells).astype(int))
        value, slope, bend = autograd(network, point, 1)
        assert fields.loss_low[cell] <= value <= fields.loss_high[cell]
        assert fields.gradient_low[cell] <= slope <= fields.gradient_high[cell]
        assert bend <= fields.curvature_high[cell]
        centre = (np.array(cell) + 0.5) / cells
        value, slope, bend = autograd(network, centre, 1)
        assert fields.centre_loss_low[cell] <= value <= fields.centre_loss_high[cell]
        assert fields.centre_gradient[cell] == pytest.approx(slope, rel=1e-4, abs=1e-5)
        assert fields.centre_gradient[cell] <= slope
        assert fields.centre_curvature[cell] == pytest.approx(bend, rel=1e-4, abs=1e-5)
        assert fields.centre_curvature[cell] <= bend


def test_refining_the_cubes_closes_the_enclosure():
    network, density = random_network(1, 3), TorusDensity(1, 0.9)
    ratios = [sampled_ratio(enclose_loss(network, cells), density, 0.05) for cells in (64, 256, 1024, 16384)]
    assert ratios == sorted(ratios, reverse=True)
    assert 1.0 <= ratios[-1] < 1.02


@given(st.integers(0, 10**6), st.integers(0, 9), st.sampled_from([1, 2]))
def test_ball_maximum_is_brute_force(seed, reach, dimension):
    values = np.random.default_rng(seed).random((7,) * dimension)
    found = ball_maximum(values, reach)
    shifts = range(-min(reach, 6), min(reach, 6) + 1)
    rolled = [
        np.roll(values, s, axis=tuple(range(dimension))) for s in itertools.product(shifts, repeat=dimension)
    ]
    np.testing.assert_array_equal(found, np.max(rolled, axis=0))


@given(st.integers(0, 10**6), st.floats(0.0, 0.6), st.sampled_from([1, 2]))
def test_maxima_over_balls_contain_a_dense_search(seed, radius, dimension):
    cells = 32
    network = random_network(dimension, seed)
    fields = enclose_loss(network, cells)
    robust, slope, bend = (
        robust_loss(fields, radius),
        max_gradient_norm(fields, radius),
        max_curvature(fields, radius),
    )
    generator = np.random.default_rng(seed)
    point = generator.random(dimension)
    cell = tuple(np.floor(point * cells).astype(int))
    moves = radius * (2.0 * generator.random((200, dimension)) - 1.0)
    around = np.vstack([point[None], point + moves])
    for index, label in enumerate((1, -1)):
        searched = sigmoid_loss(network.values(around), label).max()
        assert searched <= robust[1][index][cell]
        assert robust[0][index][cell] <= robust[1][index][cell]
    for near in around[:8]:
        _, gradient, curvature = autograd(network, near, 1)
        assert gradient <= slope[1][cell]
        assert curvature <= bend[1][cell]


def test_lower_ends_are_attained_inside_every_ball():
    # A single high centre counts only for cubes all of whose points reach it.
    cells, radius = 16, 3.2 / 16
    centre = np.zeros(cells)
    centre[0] = 1.0
    low, _ = maximum_over_ball(np.zeros(cells), centre, np.ones(cells), radius, cells)
    for cell in range(cells):
        points = (cell + np.linspace(0.0, 1.0, 101)) / cells
        distance = np.abs(points - 0.5 / cells)
        reached = bool(np.all(np.minimum(distance, 1.0 - distance) <= radius))
        assert low[cell] <= float(reached)
    assert low.sum() == 5


def test_population_losses_contain_quadrature():
    density, network, radius = TorusDensity(1, 0.9), random_network(1, 11), 0.03
    fields = enclose_loss(network, 4096)
    masses = np.stack([density.cell_masses(index, 4096) for index in range(2)])
    moves = np.linspace(-radius, radius, 401)
    x = (np.arange(4000) + 0.5) / 4000
    attacked = clean = 0.0
    for index, label in enumerate((1, -1)):
        losses = sigmoid_loss(network.values((x[:, None] + moves).reshape(-1, 1)), label).reshape(4000, -1)
        weight = density.joint_density(index, x[:, None])
        attacked += float(np.mean(weight * losses.max(axis=1)))
        clean += integrate.quad(
            lambda t, i=index, y=label: float(
                density.joint_density(i, np.array([[t]]))[0] * sigmoid_loss(network.values(np.array([[t]])), y)[0]
            ),
            0.0,
            1.0,
            limit=200,
        )[0]
    robust = mean_over(masses, robust_loss(fields, radius))
    assert robust.low <= attacked + 1e-3
    assert attacked - 1e-3 <= robust.high
    assert robust.width < 0.02
    found = mean_over(masses, robust_loss(fields, 0.0))
    assert found.low <= clean <= found.high
    gain = measure_gain(fields, density, radius)
    assert gain.gain.low <= attacked - clean + 1e-3
    assert attacked - clean - 1e-3 <= gain.gain.high


def test_training_lowers_the_robust_loss_and_hands_over_the_same_function():
    density = TorusDensity(2, 0.9)
    samples = [density.sample(40, np.random.default_rng(seed)) for seed in range(2)]
    before = train_networks(samples, 0.03, TrainingRecipe(8, 2, 0, 0.05, 0.0, 3, 512), 0)
    after = train_networks(samples, 0.03, RECIPE, 0)
    again = train_networks(samples, 0.03, RECIPE, 0)
    for start, end, repeat, sample in zip(before, after, again, samples, strict=True):
        np.testing.assert_array_equal(end.cosines, repeat.cosines)
        losses = []
        for network in (start, end):
            labels = np.where(sample.classes == 0, 1, -1)
            values = network.values(sample.points)
            losses.append(np.mean(1.0 / (1.0 + np.exp(labels * values))))
        assert losses[1] < 0.75 * losses[0]
        value, _, _ = autograd(end, sample.points[0], 1)
        assert value == pytest.approx(sigmoid_loss(end.values(sample.points[:1]), 1)[0], abs=1e-12)


def test_a_whole_case_contains_brute_force():
    density, radius, bandwidth = TorusDensity(1, 0.9), 0.03, 0.0625
    sample = density.sample(10, np.random.default_rng(1))
    (network,) = train_networks([sample], radius, RECIPE, 1)
    case = measure_case(
        "test",
        enclose_loss(network, 8192),
        density,
        sample,
        1,
        bandwidth,
        radius,
        enclosed_variation(sample, bandwidth, density, 1024),
    )
    assert isinstance(case, FlatnessCase)
    moves = np.linspace(-1.0, 1.0, 801)
    trained, local = [], []
    for point, index in zip(sample.points[:, 0], sample.classes, strict=True):
        label = (1, -1)[index]
        trained.append(sigmoid_loss(network.values((point + radius * moves)[:, None]), label).max())
        reach = (point + (radius + bandwidth) * moves)[:, None]
        local.append(max(autograd(network, x, label)[1] for x in reach[::8]))
    assert case.sample_loss.low <= np.mean(trained) + 1e-4
    assert np.mean(trained) - 1e-12 <= case.sample_loss.high
    assert np.mean(local) <= case.local_flatness.high
    assert case.local_flatness.low <= np.mean(local) * 1.02
    assert case.gap.width < 0.02
    assert case.certified_over_sampled < 1.2
