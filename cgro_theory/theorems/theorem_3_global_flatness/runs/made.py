"""What the checks of theorem 3's synthetic side look at: numbers with both ends, from trained networks."""

from __future__ import annotations

from dataclasses import dataclass, field

from cgro_theory.claims import Interval
from cgro_theory.theorems.theorem_3_global_flatness.theory.density import TorusDensity
from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import DensitySmoothness


@dataclass(frozen=True)
class BoundForm:
    """The form of the claims that is checked; a planted fault changes one field.

    Attributes:
        flatness_factor: multiplies h·F.
        variation_factor: multiplies B·TV.
        reaches_out: whether the local form takes F at δ + h (True) or at δ.
        deviation_factor: multiplies √(log(1/Δ)/(2N)).
        sampling_factor: multiplies the sampling term of the expected TV.
        curvature_factor: multiplies ½δ²·E sup‖∇²ℓ‖, -1 in the claim.
        bandwidth_shift: added to the exponent -1/(D+2) of h.
    """

    flatness_factor: float = 1.0
    variation_factor: float = 1.0
    reaches_out: bool = True
    deviation_factor: float = 1.0
    sampling_factor: float = 1.0
    curvature_factor: float = -1.0
    bandwidth_shift: float = 0.0


@dataclass(frozen=True)
class FlatnessCase:
    """One (f, sample, h): both ends of every number of the two forms, in units of the loss (per length for F).

    Attributes:
        kind: ``moderate``, ``overfit`` or ``constructed``.
        gap: L_D^adv - L_S^adv.
        global_flatness: E_D[F_r], r = max(δ, h - δ).
        local_flatness: mean_S[F_(δ+h)]; ``inner_flatness`` is mean_S[F_δ].
        variation: TV(P, P̂_h).
        population_loss, sample_loss: L_D^adv and L_S^adv.
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
    population_loss: Interval
    sample_loss: Interval
    widest_flatness: float
    steepest: float

    @property
    def name(self) -> str:
        """Which case it is, in one line."""
        return (
            f"{self.kind}, D={self.input_dimension}, N={self.num_samples}, "
            f"seed {self.seed}, h={self.bandwidth:.4g}"
        )

    @property
    def certified_over_sampled(self) -> float:
        """The certified global flatness over the sampled one."""
        low = self.global_flatness.low
        return self.global_flatness.high / low if low > 0.0 else float("inf")


@dataclass(frozen=True)
class AttackGainCase:
    """One f: L_D^adv - L_D^clean, δ·E‖∇ℓ‖₁, and ½δ²·E max‖∇²ℓ‖_(∞→1), in units of the loss."""

    kind: str
    input_dimension: int
    perturbation_radius: float
    gain: Interval
    first_order: Interval
    second_order: Interval


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
class SyntheticEvidence:
    """Everything that the synthetic side gathered; parts whose claims were not asked for stay empty."""

    profile: str
    seed: int
    cases: tuple[FlatnessCase, ...] = ()
    gains: tuple[AttackGainCase, ...] = ()
    variations: tuple[VariationCase, ...] = ()
    ladders: tuple[RateLadder, ...] = ()
    image_scales: tuple[ImageScale, ...] = ()
    form: BoundForm = field(default_factory=BoundForm)
    seconds: dict[str, float] = field(default_factory=dict)
