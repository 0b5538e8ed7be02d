"""One experiment: train a classifier, and record errors and landscape on training and test images on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgro_theory.errors import InvalidInput, require_integer
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.vision.attack import AscentBudget, maximize_loss, require_radius
from cgro_theory.vision.classifiers import build_classifier, count_parameters
from cgro_theory.vision.labelled_images import LabelledImages, Split
from cgro_theory.vision.landscape import Landscape, measure_landscape
from cgro_theory.vision.training import TrainingRecipe, train


@dataclass(frozen=True)
class MeasurePlan:
    """What is measured when: ``epoch_radii`` after each epoch in ``epochs``, ``final_radii`` after the last.

    ``budget`` serves each ascent of the record, ``final_budget`` those after the last epoch; ``final_norms``
    False leaves the gradient norms of the last measure out. ``strong_budget`` serves one last attack on the
    training images, which decides whether the run has fitted them.
    """

    epochs: tuple[int, ...]
    epoch_radii: tuple[float, ...]
    final_radii: tuple[float, ...]
    budget: AscentBudget = field(default_factory=lambda: AscentBudget(10))
    final_budget: AscentBudget = field(default_factory=lambda: AscentBudget(20, 2))
    final_norms: bool = True
    strong_budget: AscentBudget = field(default_factory=lambda: AscentBudget(20, 3))

    def __post_init__(self) -> None:
        for radius in (*self.epoch_radii, *self.final_radii):
            require_radius("radius of a measure", radius)


def evenly_spread_epochs(epochs: int, count: int) -> tuple[int, ...]:
    """At most ``count`` epochs from the first part to the last, the middle one and the last among them.

    >>> evenly_spread_epochs(200, 8)
    (25, 50, 75, 100, 125, 150, 175, 200)
    """
    require_integer("number of recorded epochs", count, 1)
    marks = {max(1, round(epochs * (index + 1) / count)) for index in range(count)}
    return tuple(sorted(marks | {max(1, epochs // 2), epochs}))


@dataclass(frozen=True, eq=False)
class Moment:
    """The landscape after ``epoch`` epochs, around the training and around the test images."""

    epoch: int
    train: Landscape
    test: Landscape

    def robust_gap(self, radius: float) -> float:
        """Robust test error minus robust train error at ``radius``."""
        return self.test.robust_error(radius) - self.train.robust_error(radius)


@dataclass(frozen=True, eq=False)
class ExperimentRecord:
    """What one run left: its recipe and seed, the moments in order of epochs, and the final one with all radii.

    ``strong_train_error`` is the robust train error at the training radius under the strongest attack of the run.
    """

    data: str
    recipe: TrainingRecipe
    seed: int
    train_size: int
    test_size: int
    parameters: int
    moments: tuple[Moment, ...]
    final: Moment
    strong_train_error: float
    seconds_training: float
    seconds_measuring: float


def run_experiment(
    split: Split,
    recipe: TrainingRecipe,
    plan: MeasurePlan,
    seed: int,
    device: str = "cpu",
    progress: Callable[[float], None] = lambda share: None,
) -> ExperimentRecord:
    """Train on ``split.train`` and measure as planned. The same seed gives the same run on the same device.

    Raises :class:`InvalidInput` when the training diverges or when a GPU's memory does not suffice.
    """
    try:
        # Reduced precision and kernels chosen by timing would make a GPU's numbers differ from run to run.
        with torch.backends.cudnn.flags(benchmark=False, deterministic=True, allow_tf32=False):
            return _run(split, recipe, plan, seed, device, progress)
    except torch.cuda.OutOfMemoryError as error:
        asked = f"width {recipe.width} with batch_size {recipe.batch_size}"
        raise InvalidInput("size of the run", asked, "smaller: the GPU's memory does not suffice") from error


def _run(
    split: Split,
    recipe: TrainingRecipe,
    plan: MeasurePlan,
    seed: int,
    device: str,
    progress: Callable[[float], None],
) -> ExperimentRecord:
    images = split.train
    start = derived_seed(seed, "start")
    network = build_classifier(recipe.architecture, images.shape, images.classes, recipe.width, start).to(device)
    inside, outside = _tensors(images, device), _tensors(split.test, device)
    draws = torch.Generator().manual_seed(derived_seed(seed, "batches and attacks"))
    started, measuring = time.monotonic(), 0.0
    moments: list[Moment] = []

    def moment(epoch: int, radii: tuple[float, ...], budget: AscentBudget, norms: bool = True) -> Moment:
        nonlocal measuring
        begun = time.monotonic()
        # A stream of its own per epoch: what is measured must not change how the training goes on.
        own = torch.Generator().manual_seed(derived_seed(seed, "measure", epoch))
        result = Moment(
            epoch,
            measure_landscape(network, *inside, radii, budget, own, norms),
            measure_landscape(network, *outside, radii, budget, own, norms),
        )
        measuring += time.monotonic() - begun
        return result

    def after_epoch(epoch: int) -> None:
        if epoch in plan.epochs:
            moments.append(moment(epoch, plan.epoch_radii, plan.budget))
        progress(epoch / recipe.epochs)

    train(network, *inside, recipe, draws, after_epoch)
    final = moment(recipe.epochs, plan.final_radii, plan.final_budget, plan.final_norms)
    begun = time.monotonic()
    own = torch.Generator().manual_seed(derived_seed(seed, "strongest attack"))
    strong = maximize_loss(network, *inside, recipe.radius, plan.strong_budget, own).wrong.cpu().numpy()
    measuring += time.monotonic() - begun
    return ExperimentRecord(
        images.name,
        recipe,
        seed,
        images.size,
        split.test.size,
        count_parameters(network),
        tuple(moments),
        final,
        _share_wrong(strong, final.train, recipe.radius),
        time.monotonic() - started - measuring,
        measuring,
    )


def _share_wrong(strong: NDArray[np.bool_], around: Landscape, radius: float) -> float:
    """The share of images that any attack within ``radius`` broke, those of the landscape among them."""
    for row, measured in enumerate(around.radii):
        if measured <= radius:
            strong = strong | around.wrong[row]
    return float(strong.mean())


def _tensors(images: LabelledImages, device: str) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(images.pixels).to(device), torch.from_numpy(images.labels).to(device)
