"""What the checks of theorem 3 look at: numbers with both ends, from networks on the torus and on images."""

from __future__ import annotations

from dataclasses import dataclass

from cgro_theory.claims import Interval
from cgro_theory.theorems.landscape.runs.trained import LandscapeRuns

from ..theory.density import TorusDensity
from ..theory.variation_bound import DensitySmoothness


@dataclass(frozen=True)
class FlatnessCase:
    """One (f, sample, h): both ends of every number of the two forms, in units of the loss (per length for F).

    Attributes:
        kind: ``moderate``, ``overfit`` or ``constructed``.
        gap: L_D^adv - L_S^adv.
        global_flatness: E_D[F_r], r = max(δ, h - δ).
        local_flatness: mean_S[F_(δ+h)]; ``inner_flatness`` is mean_S[F_δ].
        variation: TV(P, P̂_h).
        sample_loss: L_S^adv.
        loss_range: the least and the largest ℓ(f(x), y) over all x and both y.
        widest_flatness: an upper end of E_D[F_r] at r = 1/2, valid at every radius up to there.
        steepest: an upper end of sup_x ‖∇ₓℓ‖₁, the Lipschitz constant in ‖·‖∞.
    """

    kind: str
    input_dimension: int
    num_samples: int
    seed: int
    bandwidth: float
    perturbation_radius: float
    cells: int
    gap: Interval
    global_flatness: Interval
    local_flatness: Interval
    inner_flatness: Interval
    variation: Interval
    sample_loss: Interval
    loss_range: Interval
    widest_flatness: float
    steepest: float

    @property
    def certified_over_sampled(self) -> float:
        """The certified global flatness over the sampled one."""
        low = self.global_flatness.low
        return self.global_flatness.high / low if low > 0.0 else float("inf")


@dataclass(frozen=True)
class AttackGainCase:
    """One f under one δ: L_D^adv - L_D^clean, E‖∇ℓ‖₁ (per length), and E max‖∇²ℓ‖_(∞→1) (per length squared)."""

    input_dimension: int
    perturbation_radius: float
    gain: Interval
    mean_gradient: Interval
    mean_curvature: Interval


@dataclass(frozen=True)
class VariationCase:
    """One sample and h: its realized TV, and the law that it comes from."""

    density: TorusDensity
    num_samples: int
    bandwidth: float
    seed: int
    realized: Interval


@dataclass(frozen=True)
class RateLadder:
    """TV at h = N^(-1/(D+2)) over N for one D.

    ``realized[i]`` are independent samples' values at ``sizes[i]``; ``expected[i]`` is E TV by the counts' law.
    """

    density: TorusDensity
    sizes: tuple[int, ...]
    bandwidths: tuple[float, ...]
    realized: tuple[tuple[float, ...], ...]
    expected: tuple[float, ...]


@dataclass(frozen=True)
class ImageScale:
    """An image data set's dimension and size, with an assumed flatness and density smoothness."""

    name: str
    input_dimension: int
    num_samples: int
    flatness: float
    density: DensitySmoothness


@dataclass(frozen=True)
class TorusRuns:
    """The sets of runs on the torus; those that no claim asked for are empty.

    Attributes:
        overfit: f that overfit on purpose, D = 1, 2, 3.
        moderate_line, moderate_space: moderately trained f, in D = 1 and in D = 2, 3.
        constructed: losses built by hand in D = 1.
        gains: attacks on all f.
        variations, rate_ladders: samples whose TV was realized.
        image_scales: sizes of image data sets.
        seconds: what took how long.
    """

    profile: str
    seed: int
    overfit: tuple[FlatnessCase, ...] = ()
    moderate_line: tuple[FlatnessCase, ...] = ()
    moderate_space: tuple[FlatnessCase, ...] = ()
    constructed: tuple[FlatnessCase, ...] = ()
    gains: tuple[AttackGainCase, ...] = ()
    variations: tuple[VariationCase, ...] = ()
    rate_ladders: tuple[RateLadder, ...] = ()
    image_scales: tuple[ImageScale, ...] = ()
    seconds: tuple[tuple[str, float], ...] = ()

    @property
    def moderate(self) -> tuple[FlatnessCase, ...]:
        """The cases of moderately trained f."""
        return (*self.moderate_line, *self.moderate_space)

    @property
    def trained(self) -> tuple[FlatnessCase, ...]:
        """The cases of all trained f."""
        return (*self.overfit, *self.moderate)


@dataclass(frozen=True)
class FlatnessRuns:
    """Both parts of theorem 3's runs; one that no claim asked for is None."""

    torus: TorusRuns | None
    landscape: LandscapeRuns | None
