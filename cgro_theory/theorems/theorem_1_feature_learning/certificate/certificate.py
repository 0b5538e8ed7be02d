"""What a proof of one network's training consists of, and the file that holds it (theory.md 8.3)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgro_theory.atomic_file import atomic_write
from cgro_theory.setting.initial_draw import SubspaceDraw
from cgro_theory.setting.parameters import PatchSetting

Array = NDArray[np.float64]

FORMAT = "cgro certificate 1"


@dataclass(frozen=True, eq=False)
class Certificate:
    """Candidates for the flow of one network, step by step, and bounds of their distance from the true flow.

    Attributes:
        setting, draw: the network, its training set and its attack; their floats are taken as exact.
        durations: h of each step. shape: (T,)
        clock: polynomial of x in the time since the step began. shape: (T, K + 1)
        moved: polynomials of b. shape: (T, K + 1, n, m)
        clock_bounds: of |x - polynomial| at the ends of S equal pieces of a step, linear between. (T, S + 1)
        moved_bounds: the same for b. shape: (T, S + 1, n, m)
        claims: what follows, by name; intervals as [low, high].
    """

    setting: PatchSetting
    draw: SubspaceDraw
    durations: Array
    clock: Array
    moved: Array
    clock_bounds: Array
    moved_bounds: Array
    claims: dict[str, Any]

    def arrays(self) -> dict[str, Any]:
        """Everything as arrays, the setting and the claims as JSON text: what the file holds."""
        draw = self.draw
        return {
            "format": np.array(FORMAT),
            "setting": np.array(json.dumps(asdict(self.setting))),
            "claims": np.array(json.dumps(self.claims)),
            "labels": draw.labels,
            "noise_factor": draw.noise_factor,
            "signal_projections": draw.signal_projections,
            "coordinates": draw.coordinates,
            "residual_factor": draw.residual_factor,
            "durations": self.durations,
            "clock": self.clock,
            "moved": self.moved,
            "clock_bounds": self.clock_bounds,
            "moved_bounds": self.moved_bounds,
        }

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        with atomic_write(path) as file:
            np.savez_compressed(file, **self.arrays())
