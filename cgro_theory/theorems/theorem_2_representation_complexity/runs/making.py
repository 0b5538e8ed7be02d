"""The runs of theorem 2: which networks are built, on which data, per profile."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from cgro_theory.numerics.seeds import SeedPart, derived_seed
from cgro_theory.theorems.room import RunRequest, gather_by
from cgro_theory.theorems.theorem_2_representation_complexity.networks import clean_classifier, memorizer
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import Memorizer, memorize
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import (
    TrainingSet,
    separation,
    training_set,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs import hypercube, made, profiles, sign_patterns
from cgro_theory.theorems.theorem_2_representation_complexity.runs.adversarial_training import TrainedNet, train_on
from cgro_theory.theorems.theorem_2_representation_complexity.runs.attack import attack_balls
from cgro_theory.theorems.theorem_2_representation_complexity.runs.continuous import (
    ContinuousError,
    continuous_error,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.hypercube import random_instance
from cgro_theory.theorems.theorem_2_representation_complexity.runs.parity import parity_circuit
from cgro_theory.theorems.theorem_2_representation_complexity.theory.counts import hierarchy_dimension
from cgro_theory.theorems.theorem_2_representation_complexity.theory.lower_bound import Architecture
from cgro_theory.theorems.worker_pool import WorkerPool

DIGITS_SAMPLES = 1797

_NORMS = (1.0, 2.0, math.inf)
SETS = tuple(
    field.name for field in fields(made.RepresentationRuns) if field.name not in ("seed", "error_fraction")
)
"""The sets of runs that a request can ask for."""


def begin(request: RunRequest, pool: WorkerPool) -> Callable[[RunRequest], made.RepresentationRuns]:
    """Have ``pool`` build, train and enumerate the sets that are needed, a task each; what is returned waits.

    ``request.seed`` decides every draw.
    """
    sizes, seed = profiles.SIZES[request.profile], request.seed
    waiting = {name: pool.submit(_make, name, sizes, seed) for name in SETS if request.needs_runs(name)}

    def collected(request: RunRequest) -> made.RepresentationRuns:
        sets: dict[str, Any] = {}
        for index, (name, pending) in enumerate(waiting.items()):
            request.progress(name.replace("_", " "), index / len(waiting))
            sets[name] = pending.result()
        request.progress("gathered", 1.0)
        return made.RepresentationRuns(seed, **sets)

    return collected


gather = gather_by(begin)


def _make(name: str, sizes: profiles.Sizes, seed: int) -> Any:
    """One set of runs."""
    makers: dict[str, Callable[[], Any]] = {
        "counted": lambda: _counted(sizes.counted, seed),
        "ladders": lambda: _ladders(seed),
        "squarings": lambda: _squarings(sizes.stages),
        "memorizers": lambda: _memorizers(sizes, seed),
        "comparisons": lambda: _comparisons(seed),
        "exact_errors": lambda: _exact_errors(sizes, seed),
        "sampled_errors": lambda: _sampled_errors(sizes, seed),
        "continuous_errors": lambda: _continuous(sizes, seed),
        "growth": lambda: _growth(seed),
        "covers": lambda: _covers(seed),
        "training": lambda: _training(sizes, seed),
        "hierarchy": lambda: _hierarchy(seed),
    }
    return makers[name]()


def _derived(seed: int, *parts: SeedPart) -> int:
    return derived_seed(seed, "theorem_2", *parts)


def _rng(seed: int, *parts: SeedPart) -> np.random.Generator:
    return np.random.default_rng(_derived(seed, *parts))


def _random_memorizer(
    count: int, dimension: int, order: float, hidden: tuple[int, ...], rng: np.random.Generator
) -> Memorizer:
    """A memorizer of uniform points with fair labels around a random net, δ from the measured separation."""
    data = training_set(rng.random((count, dimension)), rng.choice((-1.0, 1.0), size=count))
    closest = separation(data, order).distance
    radius = profiles.RADIUS_FRACTION * closest if math.isfinite(closest) else 0.1
    sizes = (dimension, *hidden, 1)
    weights = [rng.standard_normal((above, below)) for below, above in itertools.pairwise(sizes)]
    biases = [rng.standard_normal(above) for above in sizes[1:]]
    return memorize(data, radius, order, clean_classifier.multilayer_perceptron(weights, biases))


def _counted(configurations: int, seed: int) -> tuple[made.NamedMemorizer, ...]:
    rng = _rng(seed, "counted")
    hidden = ((), (3,), (4, 2), (3, 4, 2, 5, 6))
    built = []
    for index in range(configurations):
        order, widths = _NORMS[index % 3], hidden[(index // 3) % 4]
        count, dimension = int(rng.integers(1, 13)), int(rng.integers(1, 9))
        name = f"p={order:g}, N={count}, D={dimension}, clean {widths}"
        built.append(made.NamedMemorizer(name, _random_memorizer(count, dimension, order, widths, rng)))
    return tuple(built)


def _ladders(seed: int) -> tuple[made.Ladder, ...]:
    rng = _rng(seed, "ladders")
    ladders = []
    for order in _NORMS:
        for variable, sizes in (("N", (16, 32, 64, 128, 256)), ("D", (16, 32, 64, 128, 256))):
            shapes = [(size, 16) if variable == "N" else (16, size) for size in sizes]
            built = [_random_memorizer(count, dimension, order, (), rng) for count, dimension in shapes]
            ladders.append(made.Ladder(variable, order, sizes, tuple(built)))
    return tuple(ladders)


def _squarings(stages: int) -> tuple[made.SquaringRun, ...]:
    return tuple(made.SquaringRun(stage, memorizer.squaring_circuit(stage)) for stage in range(1, stages + 1))


def digits(positive: int, negative: int | None) -> TrainingSet:
    """The 8×8 digits scaled to [0, 1]: one class against another, or against the rest; in stored order."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    target = np.asarray(loaded.target)
    kept = np.ones(target.size, dtype=bool) if negative is None else np.isin(target, (positive, negative))
    points = np.asarray(loaded.data, dtype=np.float64)[kept] / 16.0
    return training_set(points, np.where(target[kept] == positive, 1.0, -1.0))


def _digits_memorizer(whole: TrainingSet, count: int, order: float) -> Memorizer:
    """Trained on the first ``count`` images; δ from the separation of the whole set, test images included."""
    data = training_set(whole.points[:count], whole.labels[:count])
    radius = profiles.RADIUS_FRACTION * separation(whole, order).distance
    return memorize(data, radius, order, clean_classifier.least_squares_classifier(data.points, data.labels))


def _memorizers(sizes: profiles.Sizes, seed: int) -> tuple[made.NamedMemorizer, ...]:
    rng = _rng(seed, "memorizers")
    instance = random_instance(6, _derived(seed, "memorizers.corners"))
    built = [
        ("digits 8 against the rest, p=inf", _digits_memorizer(digits(8, None), sizes.digits, math.inf)),
        ("digits 3 against 8, p=1", _digits_memorizer(digits(3, 8), sizes.pair, 1.0)),
        ("digits 3 against 8, p=2", _digits_memorizer(digits(3, 8), sizes.pair, 2.0)),
        ("hypercube D=6, p=inf", instance.memorizer(rng.integers(instance.num_corners, size=20))),
        *((f"random points, MLP, p={order:g}", _random_memorizer(40, 5, order, (6, 4), rng)) for order in _NORMS),
    ]
    if sizes.large:
        built.append(("uniform points N=10000, D=64, p=inf", _random_memorizer(10_000, 64, math.inf, (), rng)))
    named = []
    for name, entry in built:
        balls = min(sizes.attacked, entry.data.num_samples)
        attack = attack_balls(
            entry.circuit,
            entry.data,
            entry.perturbation_radius,
            entry.norm_order,
            balls=balls if entry.data.num_samples <= 2000 else 8,
            steps=6,
            seed=_derived(seed, "memorizers.attack", name),
        )
        named.append(made.NamedMemorizer(name, entry, attack))
    return tuple(named)


def _comparisons(seed: int) -> tuple[made.CleanComparison, ...]:
    rng = _rng(seed, "comparisons")
    instance = random_instance(8, _derived(seed, "comparisons.corners"))
    corners = np.arange(instance.num_corners)
    everyone = training_set(instance.points(corners), instance.labels)
    sampled = instance.memorizer(rng.integers(instance.num_corners, size=32))
    entries = [made.CleanComparison("hypercube D=8, all corners", sampled, everyone)]
    rest, pair = digits(8, None), digits(3, 8)
    for order, whole, count in ((math.inf, rest, 1000), (1.0, pair, 200), (2.0, pair, 200)):
        held_out = training_set(whole.points[count:], whole.labels[count:])
        name = f"held-out digits, p={order:g}"
        entries.append(made.CleanComparison(name, _digits_memorizer(whole, count, order), held_out))
    return (*entries, _three_points_on_a_line())


def _three_points_on_a_line() -> made.CleanComparison:
    """Training points 0 (+1) and 10 (-1), test points these and 2.5 (-1), δ = 1, f_clean = 2.4 - x: all right.

    The population is more than 2δ apart, and γ of the sample alone is 8. With a ramp that wide the indicator of 0
    is 0.8 at 2.5 and overrules the correct clean classifier; with the ramp min(γ, δ) it is 0 there.
    """
    built = memorize(
        training_set([[0.0], [10.0]], [1, -1]), 1.0, math.inf, clean_classifier.linear_classifier([-1.0], 2.4)
    )
    population = training_set([[0.0], [10.0], [2.5]], [1, -1, -1])
    return made.CleanComparison("three points on a line", built, population)


def _exact_errors(sizes: profiles.Sizes, seed: int) -> tuple[hypercube.ExactError, ...]:
    entries = [
        hypercube.every_sample(random_instance(d, _derived(seed, "exact_errors", d, n)), n)
        for d, n in ((2, 1), (2, 4), (3, 3), (4, 2))
    ]
    for dimension in range(5, 13):
        count = min(2 ** (dimension - 2), sizes.sample_limit)
        own = _derived(seed, "exact_errors", dimension, count)
        entries.append(hypercube.one_sample(random_instance(dimension, own), count, own))
    return tuple(entries)


def _sampled_errors(sizes: profiles.Sizes, seed: int) -> tuple[hypercube.SampledError, ...]:
    return tuple(
        hypercube.sample_error(d, n, sizes.trials, _derived(seed, "sampled_errors", d, n))
        for d, n in sizes.monte_carlo
    )


def _continuous(sizes: profiles.Sizes, seed: int) -> tuple[ContinuousError, ...]:
    return tuple(
        continuous_error(
            count, radius, order, sizes.continuous_trials, _derived(seed, "continuous", order, radius, count)
        )
        for order in _NORMS
        for radius in (0.05, 0.1)
        for count in sizes.continuous_samples
    )


def _growth(seed: int) -> tuple[made.GrowthCount, ...]:
    """Every graph here has more points than its bound has bits, so that a count could exceed the bound."""
    planes = [
        sign_patterns.halfspace_patterns(dimension, points, _derived(seed, "growth", dimension, points))
        for dimension, points in ((2, 24), (2, 64), (3, 32), (4, 32))
    ]
    counted = [*planes, sign_patterns.through_one_unit(planes[1]), sign_patterns.threshold_patterns(5)]
    return (
        *(made.GrowthCount(entry.architecture, entry.num_points, entry.found) for entry in counted),
        made.GrowthCount(Architecture(1, (2, 1)), 128, sign_patterns.two_unit_patterns(128)),
    )


def _covers(seed: int) -> tuple[sign_patterns.CoverCount, ...]:
    lines = sign_patterns.halfspace_patterns(2, 24, _derived(seed, "growth", 2, 24))
    return (
        *(sign_patterns.cover_count("lines, 24 points of the plane", lines, errors) for errors in (1, 2, 3)),
        sign_patterns.cover_count("one unit, all corners of 5 bits", sign_patterns.threshold_patterns(5), 1),
    )


def _training(sizes: profiles.Sizes, seed: int) -> made.HypercubeTraining:
    """Nets of every size of both budgets; the labels of one dimension are drawn once, for all of them."""
    training = made.HypercubeTraining(1 / 16, 1 / 8, sizes.budget, sizes.excluded_budget)
    nets: list[TrainedNet] = []
    plans = [(dimension, sizes.budget) for dimension in sizes.train_dimensions]
    plans += [(dimension, sizes.excluded_budget) for dimension in sizes.excluded_dimensions]
    for dimension, budget in plans:
        labels = random_instance(dimension, _derived(seed, "trained.labels", dimension)).labels
        instance = hypercube.HypercubeInstance(dimension, labels, training.offset, training.perturbation_radius)
        nets.extend(train_on(instance, budget, seed))
    return replace(training, nets=tuple(nets))


def _hierarchy(seed: int) -> made.HierarchyRun:
    top = hierarchy_dimension(DIGITS_SAMPLES, profiles.ERROR_FRACTION, any_graph=True) + 5
    networks = []
    for dimension in range(2, top + 1):
        points = _rng(seed, "hierarchy", dimension).random((DIGITS_SAMPLES, dimension))
        data = training_set(points, np.ones(DIGITS_SAMPLES))  # the count does not depend on the labels
        clean = clean_classifier.coordinate_classifier(dimension, dimension - 1)
        networks.append(memorize(data, 0.01, math.inf, clean).circuit)
    instances = [random_instance(dimension, _derived(seed, "hierarchy.corners")) for dimension in range(2, 9)]
    radius = instances[0].perturbation_radius
    return made.HierarchyRun(
        DIGITS_SAMPLES,
        instances[0].offset,
        radius,
        tuple(networks),
        tuple(instance.memorizer(np.arange(instance.num_corners)) for instance in instances),
        tuple(parity_circuit(net.input_dimension, radius) for net in networks),
    )
