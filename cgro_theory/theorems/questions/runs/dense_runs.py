"""Trainings with every weight held in full, in R^d: what reduced runs and the attack's formula are held against.

The loop here shares no code with the engines: the attacked inputs come from a rule that is handed in, the margins
from the real network, the step from autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from cgro_theory.setting.adversary import Victim, shift_signal_patch, transfer_attack
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.fresh_points import draw_fresh_points
from cgro_theory.setting.network import activation, network_output
from cgro_theory.setting.objective import adversarial_objective
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.setting.patch_data import DenseProblem, draw_dense_problem
from cgro_theory.trainer.compiled_descent import subspace_engine
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.engines import DenseEngine, Engine
from cgro_theory.trainer.reduction import reduce_dense_problem

from .made import AttackRuleRun, FreshCount

Array = NDArray[np.float64]
AttackRule = Callable[[Victim, torch.Tensor, float], torch.Tensor]
"""Inputs, current weights (runs, m, d) and radius to attacked inputs, of the inputs' shape."""

SCANNED_SHIFTS = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Shifts of the signal patch along w*, in units of the radius, among which the scan takes the worst."""
_CHUNK = 4096


@dataclass(frozen=True)
class Descent:
    """U and the V_i before every step and after the last, and the last weights.

    shapes: history (steps + 1, runs, 1 + N); weights (runs, m, d).
    """

    history: Array
    weights: torch.Tensor


def scanned_attack(victim: Victim, weights: torch.Tensor, radius: float) -> torch.Tensor:
    """For each point the shift of its signal patch, among SCANNED_SHIFTS, with the least margin of the network."""
    worst, least = victim.inputs, torch.full_like(victim.labels, torch.inf)
    for share in SCANNED_SHIFTS:
        points = shift_signal_patch(victim, torch.full_like(victim.labels, share * radius))
        margin = victim.labels * network_output(weights, points, victim.degree)
        lower = margin < least
        worst = torch.where(lower[..., None, None], points, worst)
        least = torch.where(lower, margin, least)
    return worst


def descend(problem: DenseProblem, rule: AttackRule, learning_rate: float, steps: int) -> Descent:
    """Full-batch gradient descent under ``rule``, by autograd of the real network."""
    setting, weights = problem.setting, problem.weights.clone()
    victim, history = victim_of(problem), []
    for step in range(steps + 1):
        history.append(_margins(problem, weights))
        if step == steps:
            break
        attacked = rule(victim, weights, setting.perturbation_radius)
        variable = weights.detach().requires_grad_(True)
        objective = adversarial_objective(
            victim.labels * network_output(variable, victim.inputs, setting.degree),
            victim.labels * network_output(variable, attacked, setting.degree),
            setting.adversarial_weight,
        )
        (gradient,) = torch.autograd.grad(objective.sum(), variable)
        weights = weights - learning_rate * gradient
    return Descent(np.stack(history), weights)


def compare_attack_rules(
    setting: PatchSetting, seeds: tuple[int, ...], learning_rate: float, steps: int
) -> tuple[AttackRuleRun, ...]:
    """Train each draw under the scan, and by the engines under ``transfer``, under ``span`` and by the recursion.

    ``rounding`` is what another order of summation alone changes: points and neurons in reverse.
    """
    problem = draw_dense_problem(setting, seeds)
    scanned = descend(problem, scanned_attack, learning_rate, steps).history
    engines: dict[str, Engine] = {
        "target": DenseEngine(problem, learning_rate, AdversaryName.TRANSFER),
        "rule": DenseEngine(problem, learning_rate, AdversaryName.SPAN),
        "recursion": subspace_engine(reduce_dense_problem(problem), learning_rate, AdversaryName.SPAN),
    }
    histories = {name: _history(engine, steps) for name, engine in engines.items()}
    gaps = {name: relative_gaps(history, scanned) for name, history in histories.items()}
    turned = _history(DenseEngine(_reversed(problem), learning_rate, AdversaryName.TRANSFER), steps)
    turned = np.concatenate([turned[..., :1], turned[..., :0:-1]], axis=-1)
    rounding = relative_gaps(turned, histories["target"])
    return tuple(
        AttackRuleRun(
            setting=setting,
            seed=seed,
            learning_rate=learning_rate,
            steps=steps,
            initial_signal=float(scanned[0, run, 0]),
            target=float(gaps["target"][run]),
            rule=float(gaps["rule"][run]),
            recursion=float(gaps["recursion"][run]),
            rounding=float(rounding[run]),
        )
        for run, seed in enumerate(seeds)
    )


def retrained(run: AttackRuleRun, rule: AttackRule) -> AttackRuleRun:
    """The same draw trained again, under ``rule`` in place of the engine's own."""
    problem = draw_dense_problem(run.setting, (run.seed,))
    scanned = descend(problem, scanned_attack, run.learning_rate, run.steps).history
    other = descend(problem, rule, run.learning_rate, run.steps).history
    return replace(run, rule=float(relative_gaps(other, scanned)[0]))


def relative_gaps(first: Array, second: Array) -> Array:
    """Per run the largest |difference| of U or a V_i over all steps, over its largest size. shape: (runs,)

    Histories have shape (steps + 1, runs, 1 + N); a number that is not finite is inf.
    """
    gap, size = np.abs(first - second).max(axis=0), np.abs(second).max(axis=0)
    ratio = np.where(gap == 0.0, 0.0, gap / np.where(size > 0.0, size, np.finfo(float).tiny))
    worst = np.asarray(ratio.max(axis=-1))
    return np.where(np.isfinite(worst), worst, np.inf)


def count_dense_samples(
    setting: PatchSetting,
    seed: int,
    fractions: tuple[float, ...],
    test_points: int,
    learning_rate: float,
    steps: int,
) -> tuple[FreshCount, ...]:
    """Errors counted in R^d, on weights held in full; the law from the recursion of the same draw."""
    problem = draw_dense_problem(setting, (seed,))
    held = descend(
        problem, lambda victim, weights, radius: transfer_attack(victim, radius), learning_rate, steps
    ).weights
    reduced = train(
        reduce_dense_problem(problem),
        learning_rate=learning_rate,
        steps=steps,
        stop_when_memorized=False,
    )
    law, margin = reduced.final_noise_margin_laws()[0], float(reduced.final_signal_margin[0])
    counts = count_attacked(setting, held, fractions, test_points, torch.Generator().manual_seed(seed))
    return tuple(
        FreshCount(
            setting=setting,
            seed=seed,
            fraction=fraction,
            signal_margin=margin,
            law=law,
            wrong=wrong,
            test_points=test_points,
            held_in_full=True,
            failure=reduced.why_broken(0) if reduced.broken else "",
        )
        for fraction, wrong in zip(fractions, counts, strict=True)
    )


def count_attacked(
    setting: PatchSetting,
    weights: torch.Tensor,
    fractions: tuple[float, ...],
    test_points: int,
    generator: torch.Generator,
) -> list[int]:
    """Fresh points in R^d that a scanned shift breaks, per κ, each κ on points of its own. weights: (1, m, d)"""
    counts = []
    for fraction in fractions:
        wrong = 0
        for start in range(0, test_points, _CHUNK):
            size = min(_CHUNK, test_points - start)
            victim = draw_fresh_points(setting, size, weights.shape[-1], generator)
            radius = setting.signal_strength * (1.0 - fraction)
            attacked = scanned_attack(victim, weights, radius)
            wrong += int((victim.labels * network_output(weights, attacked, setting.degree) <= 0).sum())
        counts.append(wrong)
    return counts


def _history(engine: Engine, steps: int) -> Array:
    rows = []
    for step in range(steps + 1):
        signal, noise_margins = engine.evaluate()
        rows.append(torch.cat([signal[:, None], noise_margins], dim=1).numpy().copy())
        if step < steps:
            engine.update()
    return np.stack(rows)


def victim_of(problem: DenseProblem) -> Victim:
    """The training points as what an attack acts on, a batch of runs."""
    setting = problem.setting
    is_signal = torch.nn.functional.one_hot(problem.signal_position, setting.num_patches).bool()
    return Victim(
        problem.inputs, problem.labels, is_signal, problem.feature, setting.signal_strength, setting.degree
    )


def _margins(problem: DenseProblem, weights: torch.Tensor) -> Array:
    """U and the V_i of explicit weights, one inner product at a time. shape: (runs, 1 + N)"""
    degree = problem.setting.degree
    signal = activation(weights @ problem.feature, degree).sum(-1)
    along = torch.einsum("rmd,rnjd->rnjm", weights, problem.noise)
    noise = problem.labels * activation(along, degree).sum(dim=(-1, -2))
    return torch.cat([signal[:, None], noise], dim=1).numpy().copy()


def _reversed(problem: DenseProblem) -> DenseProblem:
    """The same problem with points and neurons in the opposite order."""
    return DenseProblem(
        setting=problem.setting,
        seeds=problem.seeds,
        feature=problem.feature,
        labels=problem.labels.flip(1),
        signal_position=problem.signal_position.flip(1),
        noise=problem.noise.flip(1),
        weights=problem.weights.flip(1),
    )
