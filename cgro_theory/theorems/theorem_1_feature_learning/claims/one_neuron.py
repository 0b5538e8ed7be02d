"""The smallest case of the leading-order formulas: what ties those of the claims to their code."""

from __future__ import annotations

import numpy as np

from cgro_theory.setting.parameters import PatchSetting

from ..theory.signal import InitialDraw


def one_neuron(
    *,
    q: float,
    lambda_: float,
    alpha: float = 1.0,
    kappa: float = 0.0,
    N: float = 1,
    u_max: float = 1.0,
    v_0: float = 1.0,
    xi: float = 1.0,
) -> tuple[PatchSetting, InitialDraw]:
    """One neuron with u = u_max and y v = v_0 for every one of N noise patches, which have length ξ."""
    count = int(N)
    setting = PatchSetting(2, count, 2, 1, int(q), alpha, 1.0, 1.0, kappa, lambda_)
    noise = np.full((count, 1), v_0), xi**2 * np.eye(count)
    return setting, InitialDraw(np.ones(count), np.array([u_max]), *noise)
