"""Networks of the search for the published numbers, and their four counts under the attacks (theory.md 5.11).

Weights and training points stand in the 1 + n + m coordinates of the reduction, an isometry; every point is
written out patch by patch, attacked, and put through the network.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch

from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.adversary import Victim, attack, l2_attack, transfer_attack
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.fresh_points import draw_fresh_points
from cgro_theory.setting.network import activation, network_output
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.setting.patch_data import DenseProblem
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import SubspaceProblem, draw_subspace_problem, written_out

from ..theory.published import FourNumbers
from .dense_runs import descend, victim_of
from .made import PublishedRun

HORIZON = 400.0
"""Time at which a training stops that has not memorized its points; those that match take about a third."""
FLOW_TOLERANCE = 1e-6
L2_RATE, L2_TIME, L2_STEPS = 0.01, 120.0, 4
"""Learning rate, time and ascent steps of a training against the attack on all patches. At five times that rate
some diverge; a stronger ascent takes too long."""


def train_published(
    setting: PatchSetting,
    seeds: tuple[int, ...],
    adversary: AdversaryName,
    test_points: int,
    l2_points: int,
    other_fraction: float,
    candidate: bool,
) -> tuple[PublishedRun, ...]:
    """Train a batch of draws and count; κ = ±``other_fraction`` are the attacks that were not trained against."""
    problem = draw_subspace_problem(setting, seeds)
    dense = written_out(problem)
    weights, failures = _trained(problem, dense, adversary)
    found = []
    for run, seed in enumerate(seeds):
        own = weights[run : run + 1]
        training = _of_run(victim_of(dense), run)
        generator = torch.Generator().manual_seed(derived_seed(seed, "published numbers"))
        fresh = draw_fresh_points(setting, test_points, own.shape[-1], generator)
        few = draw_fresh_points(setting, l2_points, own.shape[-1], generator)
        z, law = _signal_and_law(setting, own[0])
        shifted = [
            _wrong(fresh, own, transfer_attack(fresh, setting.signal_strength * (1.0 - fraction)))
            for fraction in (other_fraction, -other_fraction)
        ]
        found.append(
            PublishedRun(
                setting=setting,
                seed=seed,
                adversary=adversary,
                numbers=_count(setting, own, training, fresh, adversary, generator),
                all_patches=_count(setting, own, training, few, AdversaryName.L2, generator),
                short_wrong=shifted[0],
                beyond_wrong=shifted[1],
                signal_margin=z,
                law=law,
                candidate=candidate,
                failure=failures[run],
            )
        )
    return tuple(found)


def _trained(
    problem: SubspaceProblem, dense: DenseProblem, adversary: AdversaryName
) -> tuple[torch.Tensor, tuple[str, ...]]:
    """Final weights, shape (runs, m, 1+n+m), and why a run has none: by descent for κ < 0, else by flow."""
    setting = problem.setting
    if adversary is AdversaryName.L2:
        rule = partial(l2_attack, steps=L2_STEPS, restarts=0)
        weights = descend(dense, rule, L2_RATE, round(L2_TIME / L2_RATE)).weights
        return weights, tuple("" if bool(own.isfinite().all()) else "training diverged" for own in weights)
    if setting.attacked_signal_fraction < 0:
        rate = setting.stable_learning_rate()
        steps = max(1, round(HORIZON / rate))
        runs = train(problem, learning_rate=rate, steps=steps, adversary=adversary, num_checkpoints=2)
    else:
        runs = integrate_flow(
            problem, horizon=HORIZON, adversary=adversary, relative_tolerance=FLOW_TOLERANCE, num_checkpoints=2
        )
    weights = torch.as_tensor(problem.weights_at(runs.final_signal_projections, runs.final_preactivations))
    return weights, tuple(runs.why_broken(run) if run in runs.broken else "" for run in range(runs.runs))


def _of_run(batch: Victim, run: int) -> Victim:
    """One run of a batch, still as a batch."""
    own = slice(run, run + 1)
    return replace(batch, inputs=batch.inputs[own], labels=batch.labels[own], is_signal=batch.is_signal[own])


def _count(
    setting: PatchSetting,
    weights: torch.Tensor,
    training: Victim,
    fresh: Victim,
    adversary: AdversaryName,
    generator: torch.Generator,
) -> FourNumbers:
    counts = []
    for victim in (training, fresh):
        attacked = attack(adversary, victim, weights, setting.perturbation_radius, generator)
        counts += [_wrong(victim, weights, victim.inputs), _wrong(victim, weights, attacked)]
    sizes = [victim.labels.numel() for victim in (training, fresh)]
    return FourNumbers(counts[0], counts[1], sizes[0], counts[2], counts[3], sizes[1])


def _wrong(victim: Victim, weights: torch.Tensor, inputs: torch.Tensor) -> int:
    """Points whose margin is not positive; one that is no number is not."""
    return int((~(victim.labels * network_output(weights, inputs, victim.degree) > 0)).sum())


def _signal_and_law(setting: PatchSetting, weights: torch.Tensor) -> tuple[float, NoiseMarginLaw]:
    """z = α^q U and the law of V. ``weights``: (m, 1+n+m), the first coordinate along w*."""
    rest = np.nan_to_num(weights[:, 1:].numpy())
    law = NoiseMarginLaw(setting.noise_std**2 * rest @ rest.T, setting.degree, setting.noise_patches)
    return setting.clean_gain * float(activation(weights[:, 0], setting.degree).sum()), law
