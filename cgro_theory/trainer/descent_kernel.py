"""The compiled loop of :class:`CompiledSubspaceEngine`; imports numba, so only to be imported where that is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cgro_theory.trainer.compiled_flow import compiled
from cgro_theory.trainer.neuron_vectors import activate, activate_cubic, add_product, falling_logistic, scale

Array = NDArray[np.float64]


def _descend(
    all_u: Array,
    all_v: Array,
    grams: Array,
    all_labels: Array,
    gains: Array,
    adversarial_weight: float,
    signal_step: float,
    degree: int,
    slopes: Array,
    signal_slopes: Array,
    history: Array,
) -> None:
    """Step every run's u and v in place, with U and V_i before each step and at the end into ``history``.

    ``grams`` is ηq/N times the Gram matrices and ``signal_step`` ηq; ``gains``, shape (2, 2), are the factors of U
    in the clean margin and in the attacked one, for U >= 0 and U < 0; the slopes are room. With m padded to a
    multiple of NEURON_BLOCK, shapes: u (runs, m), v (runs, n m), grams (runs, n²), history (steps+1, runs, 1+N).
    """
    runs, samples = all_labels.shape
    own, patches = all_v.shape[1] // samples, round(math.sqrt(grams.shape[1]))
    pulls = np.empty((2, samples))
    for run in range(runs):
        u, v, gram, labels = all_u[run], all_v[run], grams[run], all_labels[run]
        for step in range(len(history)):
            margins = history[step, run]
            signal = activate(u, signal_slopes, 0, len(u), degree)
            margins[0] = signal
            if degree == 3:
                for i in range(samples):
                    margins[1 + i] = labels[i] * activate_cubic(v, slopes, i * own, own, degree)
            else:
                for i in range(samples):
                    margins[1 + i] = labels[i] * activate(v, slopes, i * own, own, degree)
            if step == len(history) - 1:
                break
            attacked_gain = gains[1, 0] if signal >= 0.0 else gains[1, 1]
            for i in range(samples):
                pulls[0, i] = gains[0, 0] * signal + margins[1 + i]
                pulls[1, i] = attacked_gain * signal + margins[1 + i]
            falling_logistic(pulls.reshape(-1))
            clean, attacked = 0.0, 0.0
            for i in range(samples):
                pulls[0, i] *= 1.0 - adversarial_weight
                pulls[1, i] *= adversarial_weight
                clean += pulls[0, i]
                attacked += pulls[1, i]
                pull = (pulls[0, i] + pulls[1, i]) * labels[i]
                scale(slopes, i * own, own, pull)
            move = signal_step * (gains[0, 0] * clean + attacked_gain * attacked) / samples
            for r in range(len(u)):
                u[r] += move * signal_slopes[r]
            add_product(gram, slopes, v, patches)


descend = compiled(_descend)
