"""The runs of theorem 2: which networks are built, on which data, per profile."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cgro_theory.numerics.seeds import SeedPart, derived_seed
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_2_representation_complexity.networks.clean_classifier import (
    coordinate_classifier,
    least_squares_classifier,
    linear_classifier,
    multilayer_perceptron,
)
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import (
    Memorizer,
    memorize,
    squaring_circuit,
)
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import (
    TrainingSet,
    separation,
    training_set,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.adversarial_training import (
    TrainedNet,
    train_on,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.attack import attack_balls
from cgro_theory.theorems.theorem_2_representation_complexity.runs.continuous import (
    ContinuousError,
    continuous_error,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.formulas import missing_bits_expression
from cgro_theory.theorems.theorem_2_representation_complexity.runs.hypercube import (
    ExactError,
    HypercubeInstance,
    SampledError,
    every_sample,
    one_sample,
    random_instance,
    sample_error,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import (
    CleanComparison,
    GrowthCheck,
    HierarchyRun,
    Ladder,
    NamedMemorizer,
    RepresentationEvidence,
    SquaringRun,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.parity import parity_circuit
from cgro_theory.theorems.theorem_2_representation_complexity.runs.profiles import SIZES, Sizes
from cgro_theory.theorems.theorem_2_representation_complexity.runs.sign_patterns import (
    CoverCount,
    cover_count,
    halfspace_patterns,
    threshold_patterns,
    through_one_unit,
    two_unit_patterns,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory.counts import (
    CGRO_LAYERS,
    hierarchy_dimension,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory.lower_bound import Architecture, growth_bound

RADIUS_SHARE = 0.375
ERROR_SHARE = 0.1
DIGITS_SAMPLES = 1797
DIGITS_DIMENSION = 64

_NORMS = (1.0, 2.0, math.inf)


def gather(request: RunRequest) -> RepresentationEvidence:
    """Build, train and enumerate what the asked claims need; ``request.seed`` decides every draw."""
    sizes = SIZES[request.profile]
    seconds: dict[str, float] = {}
    parts: dict[str, Any] = {}
    work: list[tuple[str, tuple[str, ...], Callable[[], Any]]] = [
        ("counted", ("parameter_count",), lambda: _counted(sizes.counted, request.seed)),
        ("ladders", ("count_growth",), lambda: _ladders(request.seed)),
        ("squarings", ("squaring_error",), lambda: _squarings(sizes.stages)),
        ("memorizers", ("robust_train_error",), lambda: _memorizers(sizes, request.seed)),
        ("comparisons", ("clean_test_error",), lambda: _comparisons(request.seed)),
        ("exact_errors", ("robust_test_error",), lambda: _exact_errors(sizes, request.seed)),
        ("sampled_errors", ("robust_test_error",), lambda: _sampled_errors(sizes, request.seed)),
        ("continuous_errors", ("robust_test_error",), lambda: _continuous(sizes, request.seed)),
        ("growth", ("robust_lower_bound",), lambda: _growth(request.seed)),
        ("covers", ("robust_lower_bound",), lambda: _covers(request.seed)),
        ("trained", ("robust_lower_bound",), lambda: _trained(sizes, request.seed)),
        ("hierarchy", ("hierarchy", "hierarchy_any_graph"), lambda: _hierarchy(request.seed)),
    ]
    for index, (name, labels, build) in enumerate(work):
        request.progress(name.replace("_", " "), index / len(work))
        if request.needs(*(f"theorem_2.{label}" for label in labels)):
            with _timed(seconds, name):
                parts[name] = build()
    request.progress("gathered", 1.0)
    budgets = (sizes.budget, sizes.excluded_budget) if "trained" in parts else (None, None)
    return RepresentationEvidence(
        request.profile,
        request.seed,
        budget=budgets[0],
        excluded_budget=budgets[1],
        error_share=ERROR_SHARE,
        seconds=seconds,
        **parts,
    )


def _derived(seed: int, *parts: SeedPart) -> int:
    return derived_seed(seed, "theorem_2", *parts)


def _rng(seed: int, *parts: SeedPart) -> np.random.Generator:
    return np.random.default_rng(_derived(seed, *parts))


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[name] = time.monotonic() - started


def _random_memorizer(
    count: int, dimension: int, order: float, hidden: tuple[int, ...], rng: np.random.Generator
) -> Memorizer:
    """A memorizer of uniform points with fair labels around a random net, δ from the measured separation."""
    data = training_set(rng.random((count, dimension)), rng.choice((-1.0, 1.0), size=count))
    closest = separation(data, order).distance
    radius = RADIUS_SHARE * closest if math.isfinite(closest) else 0.1
    sizes = (dimension, *hidden, 1)
    weights = [rng.standard_normal((above, below)) for below, above in itertools.pairwise(sizes)]
    biases = [rng.standard_normal(above) for above in sizes[1:]]
    return memorize(data, radius, order, multilayer_perceptron(weights, biases))


def _counted(configurations: int, seed: int) -> tuple[NamedMemorizer, ...]:
    rng = _rng(seed, "counted")
    hidden = ((), (3,), (4, 2), (3, 4, 2, 5, 6))
    built = []
    for index in range(configurations):
        order, widths = _NORMS[index % 3], hidden[(index // 3) % 4]
        count, dimension = int(rng.integers(1, 13)), int(rng.integers(1, 9))
        name = f"p={order:g}, N={count}, D={dimension}, clean {widths}"
        built.append(NamedMemorizer(name, _random_memorizer(count, dimension, order, widths, rng)))
    return tuple(built)


def _ladders(seed: int) -> tuple[Ladder, ...]:
    rng = _rng(seed, "ladders")
    ladders = []
    for order in _NORMS:
        for variable, sizes in (("N", (16, 32, 64, 128, 256)), ("D", (16, 32, 64, 128, 256))):
            shapes = [(size, 16) if variable == "N" else (16, size) for size in sizes]
            built = [_random_memorizer(count, dimension, order, (), rng) for count, dimension in shapes]
            ladders.append(Ladder(variable, order, sizes, tuple(built)))
    return tuple(ladders)


def _squarings(stages: int) -> tuple[SquaringRun, ...]:
    return tuple(SquaringRun(stage, squaring_circuit(stage)) for stage in range(1, stages + 1))


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
    radius = RADIUS_SHARE * separation(whole, order).distance
    return memorize(data, radius, order, least_squares_classifier(data.points, data.labels))


def _memorizers(sizes: Sizes, seed: int) -> tuple[NamedMemorizer, ...]:
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
        named.append(NamedMemorizer(name, entry, attack))
    return tuple(named)


def _comparisons(seed: int) -> tuple[CleanComparison, ...]:
    rng = _rng(seed, "comparisons")
    instance = random_instance(8, _derived(seed, "comparisons.corners"))
    corners = np.arange(instance.num_corners)
    everyone = training_set(instance.points(corners), instance.labels)
    sampled = instance.memorizer(rng.integers(instance.num_corners, size=32))
    entries = [CleanComparison("hypercube D=8, all corners", sampled, everyone)]
    rest, pair = digits(8, None), digits(3, 8)
    for order, whole, count in ((math.inf, rest, 1000), (1.0, pair, 200), (2.0, pair, 200)):
        held_out = training_set(whole.points[count:], whole.labels[count:])
        name = f"held-out digits, p={order:g}"
        entries.append(CleanComparison(name, _digits_memorizer(whole, count, order), held_out))
    return (*entries, wide_ramp_comparison(None))


def wide_ramp_comparison(ramp_width: float | None) -> CleanComparison:
    """Training points 0 (+1) and 10 (-1), test points these and 2.5 (-1), δ = 1, f_clean = 2.4 - x: all right.

    The population is more than 2δ apart. With a ramp of 7.9 (γ = 8) the indicator of 0 is 0.8 at 2.5 and overrules
    the correct clean classifier; with the ramp min(γ, δ), that of None, it is 0 there.
    """
    data = training_set([[0.0], [10.0]], [1, -1])
    built = memorize(data, 1.0, math.inf, linear_classifier([-1.0], 2.4), ramp_width=ramp_width)
    population = training_set([[0.0], [10.0], [2.5]], [1, -1, -1])
    return CleanComparison("three points on a line", built, population)


def _exact_errors(sizes: Sizes, seed: int) -> tuple[ExactError, ...]:
    entries = [
        every_sample(random_instance(d, _derived(seed, "exact_errors", d, n)), n)
        for d, n in ((2, 1), (2, 4), (3, 3), (4, 2))
    ]
    for dimension in range(5, 13):
        count = min(2 ** (dimension - 2), sizes.sample_limit)
        own = _derived(seed, "exact_errors", dimension, count)
        entries.append(one_sample(random_instance(dimension, own), count, own))
    return tuple(entries)


def _sampled_errors(sizes: Sizes, seed: int) -> tuple[SampledError, ...]:
    return tuple(
        sample_error(d, n, sizes.trials, _derived(seed, "sampled_errors", d, n)) for d, n in sizes.monte_carlo
    )


def _continuous(sizes: Sizes, seed: int) -> tuple[ContinuousError, ...]:
    return tuple(
        continuous_error(
            count, radius, order, sizes.continuous_trials, _derived(seed, "continuous", order, radius, count)
        )
        for order in _NORMS
        for radius in (0.05, 0.1)
        for count in sizes.continuous_samples
    )


def _growth(seed: int) -> tuple[GrowthCheck, ...]:
    """Every graph here has more points than its bound has bits, so that a count could exceed the bound."""
    planes = [
        halfspace_patterns(dimension, points, _derived(seed, "growth", dimension, points))
        for dimension, points in ((2, 24), (2, 64), (3, 32), (4, 32))
    ]
    counted = [*planes, through_one_unit(planes[1]), threshold_patterns(5)]
    found = [(entry.architecture, entry.num_points, entry.found) for entry in counted]
    found.append((Architecture(1, (2, 1)), 128, two_unit_patterns(128)))
    return tuple(GrowthCheck(*entry, growth_bound(*entry[:2])) for entry in found)


def _covers(seed: int) -> tuple[CoverCount, ...]:
    lines = halfspace_patterns(2, 24, _derived(seed, "growth", 2, 24))
    return (
        *(cover_count("lines, 24 points of the plane", lines, errors) for errors in (1, 2, 3)),
        cover_count("one unit, all corners of 5 bits", threshold_patterns(5), 1),
    )


def _trained(sizes: Sizes, seed: int) -> tuple[TrainedNet, ...]:
    nets: list[TrainedNet] = []
    plans = [(dimension, sizes.budget) for dimension in sizes.train_dimensions]
    plans += [(dimension, sizes.excluded_budget) for dimension in sizes.excluded_dimensions]
    for dimension, budget in plans:
        labels = random_instance(dimension, _derived(seed, "trained.labels", dimension)).labels
        nets.extend(train_on(HypercubeInstance(dimension, labels, 1 / 16, 1 / 8), budget, seed))
    return tuple(nets)


def _hierarchy(seed: int) -> HierarchyRun:
    top = hierarchy_dimension(DIGITS_SAMPLES, ERROR_SHARE, any_graph=True) + 5
    networks = []
    for dimension in range(2, top + 1):
        points = _rng(seed, "hierarchy", dimension).random((DIGITS_SAMPLES, dimension))
        data = training_set(points, np.ones(DIGITS_SAMPLES))  # the count does not depend on the labels
        clean = coordinate_classifier(dimension, dimension - 1)
        networks.append(memorize(data, 0.01, math.inf, clean).circuit)
    corners = []
    for dimension in range(2, 9):
        instance = random_instance(dimension, _derived(seed, "hierarchy.corners"))
        corners.append(instance.memorizer(np.arange(instance.num_corners)))
    return HierarchyRun(
        DIGITS_SAMPLES,
        CGRO_LAYERS,
        ERROR_SHARE,
        tuple(networks),
        tuple(corners),
        tuple(parity_circuit(net.input_dimension) for net in networks),
        missing_bits_expression(CGRO_LAYERS),
        missing_bits_expression(CGRO_LAYERS, any_graph=True),
    )
