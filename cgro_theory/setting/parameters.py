"""The parameters of the patch-data setting (theory.md 2.1), validated, with the paper's regime for any d."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.setting.declared import MAX_DIMENSION, PATCH, default


@dataclass(frozen=True)
class PatchSetting:
    """One instance of the setting. All fields are validated on construction.

    Attributes:
        patch_dimension: d >= 2, the dimension of a patch.
        num_samples: N >= 1 training points.
        num_patches: P >= 2, one signal patch and J = P - 1 noise patches.
        width: m >= 1 neurons.
        degree: q, an integer in [2, 9], of the activation sgn(z)|z|^q.
        signal_strength: alpha > 0.
        noise_std: sigma > 0, per coordinate.
        init_std: sigma_0 > 0, per coordinate.
        attacked_signal_fraction: kappa = 1 - delta/alpha in [-1, 1], the part of the signal that an attack of
            radius delta along w* leaves. Stored instead of delta: at d = 10^15 the difference alpha - delta
            would lose seven digits.
        adversarial_weight: lambda in [0, 1]; 0 is standard training, 1 plain adversarial training.

    Raises:
        InvalidInput: a value outside its domain, NaN or infinite.
    """

    patch_dimension: int
    num_samples: int
    num_patches: int
    width: int
    degree: int
    signal_strength: float
    noise_std: float
    init_std: float
    attacked_signal_fraction: float
    adversarial_weight: float

    def __post_init__(self) -> None:
        for parameter in PATCH.values():
            if parameter.type == "integer":
                name, high = parameter.setting_name or parameter.name, parameter.high
                low, most = int(parameter.low), int(high) if math.isfinite(high) else None
                require_integer(name, getattr(self, name), low, most)
        for name in ("signal_strength", "noise_std", "init_std"):
            value = require_finite(name, getattr(self, name), "a finite number > 0")
            if value <= 0:
                raise InvalidInput(name, value, "a finite number > 0")
        fraction = require_finite("attacked_signal_fraction", self.attacked_signal_fraction, _FRACTION_RANGE)
        if not -1.0 <= fraction <= 1.0:
            raise InvalidInput("attacked_signal_fraction", fraction, _FRACTION_RANGE)
        weight = require_finite("adversarial_weight", self.adversarial_weight, "in [0, 1]")
        if not 0.0 <= weight <= 1.0:
            raise InvalidInput("adversarial_weight", weight, "in [0, 1]")

    @classmethod
    def version_1(
        cls,
        patch_dimension: int,
        *,
        num_samples: int = default("samples"),
        num_patches: int = default("patches"),
        width: int = default("width"),
        degree: int = default("degree"),
        signal_exponent: float = default("signal_exponent"),
        noise_exponent: float = default("noise_exponent"),
        init_exponent: float = default("init_exponent"),
        attacked_signal_fraction: float | None = default("attacked_fraction"),
        adversarial_weight: float = default("adversarial_weight"),
    ) -> PatchSetting:
        """The regime of version 1 at dimension d: alpha = d^0.249, sigma = d^-0.509, kappa = 1/(√d log d).

        The two exponents, the form of kappa and lambda in [1/poly(d), 1) are the paper's; the other defaults
        are this project's (theory.md 2.1).

        >>> setting = PatchSetting.version_1(10**4)
        >>> round(setting.signal_strength, 3), round(1 / setting.attacked_signal_fraction)
        (9.908, 921)
        """
        require_integer("patch_dimension", patch_dimension, 2, MAX_DIMENSION)
        for name, exponent in (
            ("signal_exponent", signal_exponent),
            ("noise_exponent", noise_exponent),
            ("init_exponent", init_exponent),
        ):
            if abs(require_finite(name, exponent, "in [-10, 10]")) > 10:
                raise InvalidInput(name, exponent, "in [-10, 10]")
        dimension = float(patch_dimension)
        if attacked_signal_fraction is None:
            attacked_signal_fraction = min(1.0, 1.0 / (math.sqrt(dimension) * math.log(dimension)))
        return cls(
            patch_dimension=patch_dimension,
            num_samples=num_samples,
            num_patches=num_patches,
            width=width,
            degree=degree,
            signal_strength=dimension**signal_exponent,
            noise_std=dimension**noise_exponent,
            init_std=dimension**init_exponent,
            attacked_signal_fraction=attacked_signal_fraction,
            adversarial_weight=adversarial_weight,
        )

    @classmethod
    def from_options(cls, values: Mapping[str, Any]) -> PatchSetting:
        """Version 1's regime at the values of the declared parameters, by their names in :data:`PATCH`.

        ``attacked_fraction`` may be ``auto`` or None; ``perturbation_radius`` takes its place where it is given.
        """
        fraction, radius = (
            None if values.get(name) == "auto" else values.get(name)
            for name in ("attacked_fraction", "perturbation_radius")
        )
        if fraction is not None and radius is not None:
            raise InvalidInput("perturbation_radius", radius, "given without attacked_fraction")
        named = {parameter.setting_name or name: values[name] for name, parameter in PATCH.items()}
        setting = cls.version_1(**(named | {"attacked_signal_fraction": fraction}))
        return setting if radius is None else setting.with_perturbation_radius(float(radius))

    def with_perturbation_radius(self, perturbation_radius: float) -> PatchSetting:
        """The same setting under an attack of ℓ2 radius delta in [0, 2 alpha], in units of the input."""
        allowed = f"in [0, {2 * self.signal_strength:.6g}] (twice the α of signal_exponent)"
        radius = require_finite("perturbation_radius", perturbation_radius, allowed)
        if not 0.0 <= radius <= 2.0 * self.signal_strength:
            raise InvalidInput("perturbation_radius", radius, allowed)
        return replace(self, attacked_signal_fraction=1.0 - radius / self.signal_strength)

    @property
    def perturbation_radius(self) -> float:
        """delta = alpha (1 - kappa), in units of the input."""
        return self.signal_strength * (1.0 - self.attacked_signal_fraction)

    @property
    def noise_patches(self) -> int:
        """J = P - 1."""
        return self.num_patches - 1

    @property
    def num_noise(self) -> int:
        """n = N J, the number of noise patches in the training set."""
        return self.num_samples * self.noise_patches

    @property
    def reduces(self) -> bool:
        """Whether d - 1 >= n + m, so that the subspace draw is exact (theory.md 2.2.3)."""
        return self.patch_dimension - 1 >= self.num_noise + self.width

    @property
    def clean_gain(self) -> float:
        """alpha^q, the factor of U in a clean margin."""
        return self.signal_strength**self.degree

    @property
    def attacked_gain(self) -> float:
        """phi_q(kappa alpha), the factor of U in a margin under the transfer attack."""
        return math.copysign(
            abs(self.attacked_signal_fraction * self.signal_strength) ** self.degree,
            self.attacked_signal_fraction,
        )

    def stable_learning_rate(self, safety: float = 1.0) -> float:
        """A step for which descent follows its gradient flow: safety / (largest curvature of either stage).

        One step changes the signal margin z by eta q² alpha² (1 - lambda) z^(2-2/q) psi(z), and a noise
        margin by eta q² sigma² d (lambda + (1 - lambda)) / N times the same function (theory.md 2.2.6). The
        step keeps both below ``safety`` in (0, 1] times max(1, z^(2-2/q) psi(z)).
        """
        if not 0.0 < require_finite("safety", safety, "in (0, 1]") <= 1.0:
            raise InvalidInput("safety", safety, "in (0, 1]")
        signal = self.signal_strength**2 * (1.0 - self.adversarial_weight)
        attacked = abs(self.attacked_signal_fraction) ** 2 * self.signal_strength**2 * self.adversarial_weight
        noise = self.noise_std**2 * self.patch_dimension / self.num_samples
        return safety / (self.degree**2 * (signal + attacked + noise))

    def to_json(self) -> dict[str, Any]:
        """All fields by name, with the derived perturbation radius."""
        return asdict(self) | {"perturbation_radius": self.perturbation_radius}


_FRACTION_RANGE = "in [-1, 1] (perturbation_radius at most 2 signal_strength)"
