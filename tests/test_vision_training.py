"""Attacks, measures and training of image classifiers against brute force, finite differences and closed forms."""

import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cgro_theory.errors import InvalidInput
from cgro_theory.vision import experiment as experiment_module
from cgro_theory.vision.attack import AscentBudget, maximize_gradient_norm, maximize_loss, require_radius
from cgro_theory.vision.classifiers import SHARPNESS, Halving, SmoothReLU, build_classifier, count_parameters
from cgro_theory.vision.data_sets import load_images
from cgro_theory.vision.experiment import MeasurePlan, evenly_spread_epochs, run_experiment
from cgro_theory.vision.landscape import measure_landscape
from cgro_theory.vision.training import TrainingRecipe, train

SMALL = TrainingRecipe(radius=0.1, width=4, epochs=4, batch_size=15, attack=AscentBudget(2))
PLAN = MeasurePlan((2, 4), (0.1,), (0.1, 0.2), AscentBudget(2), AscentBudget(2, 2))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def two_pixel_problem(seed, count=6):
    """A random smooth network on images of two pixels, small enough for a dense grid."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3.0)
    return network, torch.rand(count, 1, 1, 2), torch.randint(0, 3, (count,))


def grid_maxima(network, pixel, label, radius, side=81):
    """Largest loss and largest ‖∇ₓℓ‖₁ over a grid of the clipped square, by finite differences in float64."""
    network = network.double()
    axes = [torch.linspace(max(0.0, p - radius), min(1.0, p + radius), side, dtype=torch.float64) for p in pixel]
    points = torch.cartesian_prod(*axes)

    def loss(at):
        logits = network(at[:, None, None, :])
        return torch.logsumexp(logits, dim=1) - logits[:, label]

    step = 1e-6
    with torch.no_grad():
        slopes = [
            (loss(points + step * unit) - loss(points - step * unit)).abs() for unit in torch.eye(2).double()
        ]
        return float(loss(points).max()), float((sum(slopes) / (2 * step)).max())


@pytest.mark.parametrize("seed", range(3))
def test_ascents_find_the_maxima_of_a_dense_grid(seed):
    network, pixels, labels = two_pixel_problem(seed)
    radius, budget = 0.2, AscentBudget(60, 6)
    loss = maximize_loss(network, pixels, labels, radius, budget, generator())
    norm = maximize_gradient_norm(network, pixels, labels, radius, budget, generator())
    for index in range(len(labels)):
        best_loss, best_norm = grid_maxima(network, pixels[index, 0, 0].tolist(), int(labels[index]), radius)
        network.float()
        assert float(loss.value[index]) == pytest.approx(best_loss, rel=1e-2, abs=1e-3)
        # The norm may peak between grid points, and an ascent may stop at a lower hill.
        assert 0.9 * best_norm <= float(norm.value[index]) <= 1.02 * best_norm


@given(st.integers(0, 10**6), st.floats(0.01, 1.0), st.integers(1, 4), st.integers(1, 3))
def test_points_stay_in_the_clipped_ball_and_keep_the_best(seed, radius, steps, restarts):
    network, pixels, labels = two_pixel_problem(seed)
    for maximize in (maximize_loss, maximize_gradient_norm):
        found = maximize(network, pixels, labels, radius, AscentBudget(steps, restarts), generator(seed))
        assert float((found.point - pixels).abs().max()) <= radius + 1e-6
        assert float(found.point.min()) >= 0.0
        assert float(found.point.max()) <= 1.0
        points = found.point.detach().requires_grad_(True)
        value = nn.functional.cross_entropy(network(points), labels, reduction="none")
        if maximize is maximize_gradient_norm:
            value = torch.autograd.grad(value.sum(), points)[0].abs().flatten(1).sum(1)
        assert torch.allclose(value.detach(), found.value, rtol=1e-4, atol=1e-5)


def test_measures_grow_with_the_radius_and_start_at_the_image():
    network, pixels, labels = two_pixel_problem(4, count=20)
    radii = (0.3, 0.05, 0.1, 0.2)
    around = measure_landscape(network, pixels, labels, radii, AscentBudget(2), generator(), chunk=7)
    assert around.radii == tuple(sorted(radii))
    assert np.all(np.diff(around.max_gradient_norm, axis=0) >= 0)
    assert np.all(np.diff(around.max_loss_change, axis=0) >= 0)
    assert np.all(around.max_loss_change >= 0)
    assert np.all(np.diff(around.wrong.astype(int), axis=0) >= 0)
    assert np.all(around.wrong >= around.clean_wrong)
    without = measure_landscape(network, pixels, labels, radii, AscentBudget(2), generator(), norms=False)
    assert np.isnan(without.max_gradient_norm).all()
    assert np.isfinite(without.max_loss_change).all()


def test_own_ascent_beats_the_point_of_the_largest_loss():
    # ℓ is largest at an end of the interval, steepest in its middle: PGD's point alone would miss the steepest.
    class Ramp(nn.Module):
        def forward(self, points):
            margin = 6.0 * torch.tanh(20.0 * (points.flatten(1)[:, 0] - 0.6))
            return torch.stack([torch.zeros_like(margin), margin], dim=1)

    pixels, labels = torch.full((1, 1, 1, 1), 0.5), torch.zeros(1, dtype=torch.long)
    loss = maximize_loss(Ramp(), pixels, labels, 0.3, AscentBudget(20), generator())
    at_loss = maximize_gradient_norm(Ramp(), loss.point, labels, 1e-9, AscentBudget(1), generator())
    norm = maximize_gradient_norm(Ramp(), pixels, labels, 0.3, AscentBudget(40, 4), generator())
    grid = torch.linspace(0.2, 0.8, 100001).reshape(-1, 1, 1, 1).requires_grad_(True)
    zeros = torch.zeros(len(grid), dtype=torch.long)
    (slopes,) = torch.autograd.grad(nn.functional.cross_entropy(Ramp()(grid), zeros, reduction="sum"), grid)
    assert float(norm.value) == pytest.approx(float(slopes.abs().max()), rel=0.02)
    assert float(at_loss.value) < 0.5 * float(norm.value)


def test_smooth_relu_is_within_its_stated_distance():
    values = torch.linspace(-5, 5, 100001, dtype=torch.float64)
    distance = float((SmoothReLU()(values) - values.relu()).abs().max())
    assert 0.27 / SHARPNESS <= distance <= 0.28 / SHARPNESS


@pytest.mark.parametrize("architecture", ["lenet", "resnet"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 5, 7)])
def test_classifiers_of_any_width_and_shape(architecture, shape):
    counts = []
    for width in (1, 2, 5):
        network = build_classifier(architecture, shape, 7, width, seed=3)
        images = torch.rand(3, *shape, generator=generator())
        assert network(images).shape == (3, 7)
        assert torch.allclose(network(images)[1], network(images[1:2])[0], atol=1e-5)
        counts.append(count_parameters(network))
    assert counts == sorted(set(counts))
    first, again, other = (build_classifier(architecture, shape, 7, 2, seed=seed) for seed in (1, 1, 2))
    images = torch.rand(2, *shape)
    assert torch.equal(first(images), again(images))
    assert not torch.equal(first(images), other(images))


@pytest.mark.parametrize("size", [(4, 4), (7, 5), (16, 16), (17, 16)])
def test_halving_is_average_pooling_and_so_are_its_gradients(size):
    images = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 3, size[0] // 2, size[1] // 2, dtype=torch.float64)
    both = [pool(images) for pool in (Halving(), torch.nn.AvgPool2d(2))]
    slopes = [torch.autograd.grad((weights * means**2).sum(), images)[0] for means in both]
    torch.testing.assert_close(*both, rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(*slopes, rtol=1e-14, atol=1e-15)


def test_halving_that_was_first_used_in_inference_mode_has_gradients_later():
    with torch.inference_mode():
        Halving()(torch.ones(1, 1, 3, 5))
    values = torch.ones(1, 1, 3, 5, requires_grad=True)
    Halving()(values).sum().backward()
    assert values.grad is not None
    assert values.grad.sum() == 2.0


def test_the_recipe_of_rates_and_radii():
    recipe = TrainingRecipe(radius=0.3, epochs=10, learning_rate=0.5, cycles=2)
    rates = [recipe.rate_at(share / 1000) for share in range(1000)]
    assert max(rates) == pytest.approx(0.5)
    assert min(rates) == 0.0
    assert rates[500] == 0.0
    assert np.allclose(rates[:500], rates[500:], atol=1e-12)
    radii = [recipe.radius_at((epoch + 1) / 10) for epoch in range(10)]
    assert radii[0] == pytest.approx(0.15)
    assert radii[1:] == [0.3] * 9


@pytest.mark.parametrize(
    "changes",
    [
        {"radius": 0.0},
        {"radius": 1.01},
        {"radius": math.nan},
        {"width": 0},
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": math.inf},
        {"cycles": 0},
        {"cycles": 200},
    ],
)
def test_recipes_outside_their_domain_are_refused(changes):
    with pytest.raises(InvalidInput):
        TrainingRecipe(**({"radius": 0.2} | changes))


def test_other_values_outside_their_domain_are_refused():
    for call in (
        lambda: AscentBudget(0),
        lambda: AscentBudget(3, 0),
        lambda: require_radius("radius", "0.2"),
        lambda: build_classifier("vgg", (1, 8, 8), 10, 4, 0),
        lambda: build_classifier("lenet", (1, 3, 8), 10, 4, 0),
        lambda: build_classifier("lenet", (1, 8, 8), 10, 0, 0),
        lambda: MeasurePlan((1,), (0.1,), (1.5,)),
        lambda: evenly_spread_epochs(10, 0),
    ):
        with pytest.raises(InvalidInput):
            call()


def test_recorded_epochs_hold_the_middle_and_the_end():
    for epochs in range(1, 40):
        for count in range(1, 12):
            marks = evenly_spread_epochs(epochs, count)
            assert max(1, epochs // 2) in marks
            assert marks[-1] == epochs
            assert list(marks) == sorted(set(marks))
            assert marks[0] >= 1


def small_run(seed=0, plan=PLAN, recipe=SMALL):
    return run_experiment(load_images("digits").split(30, 20, seed), recipe, plan, seed)


def test_the_same_seed_gives_the_same_run_and_measuring_does_not_disturb_it():
    first, again = small_run(), small_run()
    assert np.array_equal(first.final.train.max_gradient_norm, again.final.train.max_gradient_norm)
    unwatched = small_run(plan=MeasurePlan((), (), (0.1, 0.2), PLAN.budget, PLAN.final_budget))
    assert np.array_equal(first.final.test.max_loss_change, unwatched.final.test.max_loss_change)
    assert not np.array_equal(first.final.train.clean_loss, small_run(1).final.train.clean_loss)
    assert [moment.epoch for moment in first.moments] == [2, 4]
    assert first.final.train.max_gradient_norm.shape == (2, 30)
    assert first.final.test.wrong.shape == (2, 20)
    returned = pickle.loads(pickle.dumps(first))
    assert returned.final.robust_gap(0.1) == first.final.robust_gap(0.1)
    assert first.strong_train_error >= first.final.train.robust_error(0.1)


def test_a_diverging_training_is_refused_in_one_line():
    with pytest.raises(InvalidInput, match="learning_rate must be small enough"):
        small_run(recipe=TrainingRecipe(radius=0.1, width=4, epochs=3, learning_rate=1e30))


def test_missing_gpu_memory_is_refused_in_one_line(monkeypatch):
    def starved(*arguments, **named):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.\nTried to allocate")

    monkeypatch.setattr(experiment_module, "train", starved)
    with pytest.raises(InvalidInput, match="memory does not suffice") as caught:
        small_run()
    assert "\n" not in str(caught.value)


def test_mixed_precision_needs_a_gpu():
    recipe = TrainingRecipe(radius=0.1, width=2, epochs=1, mixed_precision=True)
    with pytest.raises(InvalidInput, match="mixed_precision"):
        small_run(recipe=recipe)


def test_adversarial_training_lowers_the_robust_error_and_standard_training_does_not():
    split = load_images("digits").split(30, 20, 0)
    pixels, labels = torch.from_numpy(split.train.pixels), torch.from_numpy(split.train.labels)
    errors = {}
    for adversarial in (True, False):
        recipe = TrainingRecipe(
            radius=0.15, width=12, epochs=80, batch_size=15, learning_rate=0.03, adversarial=adversarial
        )
        network = build_classifier("lenet", (1, 8, 8), 10, 12, seed=0)
        train(network, pixels, labels, recipe, generator())
        found = maximize_loss(network, pixels, labels, 0.15, AscentBudget(10, 2), generator(1))
        errors[adversarial] = (found.wrong.float().mean(), (network(pixels).argmax(1) != labels).float().mean())
    assert errors[True][0] <= 0.3
    assert errors[False][0] >= 0.6
    assert errors[False][1] == 0.0


def test_several_restarts_train_on_the_worst_of_them():
    recipe = TrainingRecipe(radius=0.1, width=3, epochs=1, attack=AscentBudget(1, 3))
    assert small_run(recipe=recipe).final.train.wrong.shape == (2, 30)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_run_in_mixed_precision():
    recipe = TrainingRecipe(radius=0.1, width=4, epochs=4, batch_size=15, mixed_precision=True)
    record = run_experiment(load_images("digits").split(30, 20, 0), recipe, PLAN, 0, "cuda")
    assert np.isfinite(record.final.train.max_gradient_norm).all()


@pytest.mark.slow
def test_digits_show_clean_generalization_and_robust_overfitting():
    """Issue 5: at radius 0.2 on 300 digits. The recipe is the command's default with 250 epochs."""
    radius = 0.2
    recipe = TrainingRecipe(radius=radius, width=32, epochs=250, attack=AscentBudget(5))
    plan = MeasurePlan((125, 250), (radius,), (radius,), AscentBudget(8), AscentBudget(10, 2))
    record = run_experiment(load_images("digits").split(300, 500, 1), recipe, plan, 1)
    middle, last = record.moments
    assert record.strong_train_error <= 0.05
    assert record.final.robust_gap(radius) >= 0.25
    assert record.final.test.clean_error <= 0.07
    assert last.test.gradient_norm(radius) > middle.test.gradient_norm(radius)
    assert last.train.gradient_norm(radius) < middle.train.gradient_norm(radius)


def test_no_two_runs_and_no_two_parts_of_a_run_share_a_generator(monkeypatch):
    used = []

    class Recorded(torch.Generator):
        def manual_seed(self, seed):
            used.append(seed)
            return super().manual_seed(seed)

    monkeypatch.setattr(torch, "Generator", Recorded)
    recipe = TrainingRecipe(radius=0.1, width=1, epochs=2, batch_size=30, attack=AscentBudget(1))
    for seed in (9000, 9001):
        small_run(seed, MeasurePlan((1,), (0.1,), (0.1,), AscentBudget(1), AscentBudget(1)), recipe)
    assert len(used) >= 10
    assert len(set(used)) == len(used)
