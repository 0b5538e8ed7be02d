"""The four published accuracies as constraints, and the attack that they ask for (theory.md 5.11). No torch.

With the law of a fresh noise margin V, a signal margin z > 0 and an attack beyond the signal, κ < 0 and c = |κ|^q,
the clean test error is P(|V| > z)/2 and the robust one 1/2 + P(|V| <= c z)/2 (theory.md 2.2.4, 9).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import special

from cgro_theory.claims import Interval
from cgro_theory.errors import InvalidInput, require_integer
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw

CLEAN_TEST, ROBUST_TEST = 98.5, 17.5
"""Published test accuracies in percent; clean and robust train accuracy are 100."""
TEST_POINTS = 200
"""The least test set in which both are whole numbers of points: 197 and 35. Its size is not published."""
RESOLUTION = 0.05
"""An error is compatible unless the exact binomial test rejects it; both tests together at this level."""
_STEPS = 50


@dataclass(frozen=True)
class FourNumbers:
    """Misclassified points of one network: clean and attacked, of the training set and of fresh points."""

    clean_train: int
    robust_train: int
    train_points: int
    clean_test: int
    robust_test: int
    test_points: int

    @property
    def clean_error(self) -> float:
        """Clean test error."""
        return self.clean_test / self.test_points

    @property
    def robust_error(self) -> float:
        """Robust test error."""
        return self.robust_test / self.test_points


@dataclass(frozen=True)
class Published:
    """The clean and robust test errors that are compatible with published ones; train errors must be 0."""

    clean: Interval
    robust: Interval

    def admits(self, numbers: FourNumbers) -> bool:
        """Whether a network has all four numbers."""
        if numbers.clean_train or numbers.robust_train:
            return False
        found = ((self.clean, numbers.clean_error), (self.robust, numbers.robust_error))
        return all(allowed.contains(Interval.point(error)) for allowed, error in found)

    def matching(self, networks: Iterable[FourNumbers]) -> int:
        """How many of the networks have all four numbers."""
        return sum(map(self.admits, networks))


def published(clean: float = CLEAN_TEST, robust: float = ROBUST_TEST, points: int = TEST_POINTS) -> Published:
    """What accuracies ``clean`` and ``robust``, in percent, of ``points`` test points leave possible.

    An error lies in Clopper and Pearson's interval exactly when neither one-sided binomial test at RESOLUTION/4
    rejects it.

    >>> found = published()
    >>> [round(end, 4) for end in (found.clean.low, found.clean.high, found.robust.low, found.robust.high)]
    [0.0024, 0.0479, 0.7564, 0.8811]
    """
    require_integer("points", points, 1)
    wrong = [round(points * (1.0 - accuracy / 100.0)) for accuracy in (clean, robust)]
    return Published(*(Interval(*clopper_pearson(count, points, RESOLUTION / 2.0)) for count in wrong))


def one_neuron_fraction(clean_error: float, robust_error: float) -> float:
    """κ < 0 where one neuron makes V = φ_q(g), g normal: -Φ⁻¹(robust)/Φ⁻¹(1 - clean), for every degree q.

    >>> round(one_neuron_fraction(0.015, 0.825), 3)
    -0.431
    """
    _check_errors(clean_error, robust_error)
    return -float(special.ndtri(robust_error) / special.ndtri(1.0 - clean_error))


def normal_fraction(clean_error: float, robust_error: float, degree: float) -> float:
    """κ < 0 where V is normal: then |κ|^q is the ratio that :func:`one_neuron_fraction` gives.

    >>> round(normal_fraction(0.015, 0.825, 3), 3)
    -0.755
    """
    ratio: float = (-one_neuron_fraction(clean_error, robust_error)) ** (1.0 / degree)
    return -ratio


def asked_fraction(law: NoiseMarginLaw, directions: int, generator: np.random.Generator) -> float:
    """The κ < 0 at which a network with this law of V has exactly the published test errors, at the z that fits.

    Quantiles of |V| by bisection on the tail averaged over ``directions`` >= 2; NaN where V is 0.
    """
    require_integer("directions", directions, 2)
    margins = law.directional_margins(directions, generator)
    if not float(margins.max()) > 0.0:
        return math.nan
    beyond = 2.0 * (1.0 - CLEAN_TEST / 100.0)
    within = 2.0 * (1.0 - ROBUST_TEST / 100.0) - 1.0
    signal, attacked = (_exceeded_with(law, margins, share) for share in (beyond, 1.0 - within))
    return -float((attacked / signal) ** (1.0 / law.degree))


def _exceeded_with(law: NoiseMarginLaw, margins: np.ndarray, share: float) -> float:
    """The level that |V| exceeds with probability ``share``."""
    scale = math.sqrt(law.variance)
    low, high = 0.0, 100.0 * scale
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        above = float(law.tails_along(margins, middle).mean()) > share
        low, high = (middle, high) if above else (low, middle)
    return high


def _check_errors(clean_error: float, robust_error: float) -> None:
    if not 0.0 < clean_error < 0.5:
        raise InvalidInput("clean_error", clean_error, "in (0, 0.5)")
    if not 0.5 < robust_error < 1.0:
        raise InvalidInput("robust_error", robust_error, "in (0.5, 1)")
