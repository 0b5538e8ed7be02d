"""One step of the code that trains, against the symbolic gradient of L evaluated to thirty digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import sympy as sp
import torch
from numpy.typing import NDArray

from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.setting.patch_data import DenseProblem, draw_dense_problem
from cgro_theory.trainer.compiled_descent import subspace_engine
from cgro_theory.trainer.compiled_flow import flow_system
from cgro_theory.trainer.engines import DenseEngine, SubspaceEngine
from cgro_theory.trainer.flow_system import FlowSystem
from cgro_theory.trainer.reduction import reduce_dense_problem

Array = NDArray[np.float64]
Move = tuple[Array, Array]
"""How the projections u_r, shape (m,), and v_kr, shape (n, m), move in one step."""
Step = Callable[[DenseProblem, float], Mapping[str, Move]]
"""One step of a problem with a learning rate: the moves by every engine's name."""

ROUNDINGS = 256
"""Roundings of the largest number involved that a step may cost: some forty products of some ten factors."""
DIGITS = 30
"""Of the symbolic gradient's numerical value."""


def one_step(problem: DenseProblem, rate: float) -> dict[str, Move]:
    """One step by the recursions, by automatic differentiation, and along the gradient flow's right-hand side."""
    reduced = reduce_dense_problem(problem)
    moves: dict[str, Move] = {}
    for name, engine in (
        ("recursions", SubspaceEngine(reduced, rate, AdversaryName.TRANSFER)),
        ("recursions, as trained", subspace_engine(reduced, rate, AdversaryName.TRANSFER)),
        ("automatic differentiation", DenseEngine(problem, rate, AdversaryName.TRANSFER)),
    ):
        before = engine.state()
        engine.evaluate()
        engine.update()
        after = engine.state()
        moves[name] = (
            (after.signal_projections - before.signal_projections)[0].numpy(),
            (after.preactivations - before.preactivations)[0].numpy(),
        )
    for name, make in (("gradient flow", FlowSystem), ("gradient flow, as integrated", flow_system)):
        system = make(reduced, 0, AdversaryName.TRANSFER)
        signal, noise = system.split(system.derivative(system.initial))
        moves[name] = (rate * signal, rate * noise)
    return moves


def small_problem(degree: int, noise_patches: int, seed: int) -> DenseProblem:
    """Two points, two neurons, six dimensions, all numbers of order one."""
    setting = PatchSetting(
        patch_dimension=6,
        num_samples=2,
        num_patches=1 + noise_patches,
        width=2,
        degree=degree,
        signal_strength=1.25,
        noise_std=0.5,
        init_std=0.75,
        attacked_signal_fraction=0.375,
        adversarial_weight=0.625,
    )
    return draw_dense_problem(setting, (derived_seed(seed, "theorem_1.one_step", degree, noise_patches),))


@cache
def symbolic_move(degree: int, noise_patches: int, seed: int) -> Move:
    """-∇L at the small problem's weights, on w* and on the noise patches, as if the learning rate were 1."""
    problem = small_problem(degree, noise_patches, seed)
    setting = problem.setting
    labels = [int(label) for label in problem.labels[0]]
    patches = [[[sp.Float(float(x), DIGITS) for x in patch] for patch in own] for own in problem.noise[0]]
    values = problem.weights[0].numpy()
    w = [[sp.Symbol(f"w_{r}_{c}", real=True) for c in range(values.shape[1])] for r in range(setting.width)]
    at = {w[r][c]: sp.Float(float(values[r, c]), DIGITS) for r, c in np.ndindex(values.shape)}

    def activation(z: sp.Expr) -> sp.Expr:
        sign = 1 if z.subs(at) > 0 else -1
        return sign ** (setting.degree + 1) * z**setting.degree

    def margin(i: int, fraction: float) -> sp.Expr:
        signal = labels[i] * sp.Float(setting.signal_strength) * sp.Float(fraction)
        output = sum(activation(signal * row[0]) for row in w)
        for patch in patches[i]:
            output += sum(activation(sum(a * x for a, x in zip(row, patch, strict=True))) for row in w)
        return labels[i] * output

    downhill = [[sp.Float(0, DIGITS) for _ in row] for row in w]
    weight = sp.Float(setting.adversarial_weight)
    for i in range(setting.num_samples):
        for share, fraction in ((1 - weight, 1.0), (weight, setting.attacked_signal_fraction)):
            own = margin(i, fraction)
            # -ℓ'(s) = 1/(1 + e^s), which wrong_slopes checks
            pull = share / (1 + sp.exp(own.subs(at))) / setting.num_samples
            for row, symbols in zip(downhill, w, strict=True):
                for c, symbol in enumerate(symbols):
                    row[c] += (pull * sp.diff(own, symbol).subs(at)).evalf(DIGITS)
    flat = [patch for own in patches for patch in own]
    noise = [[sum(g * x for g, x in zip(row, patch, strict=True)) for row in downhill] for patch in flat]
    return np.array([row[0] for row in downhill], dtype=float), np.array(noise, dtype=float)


def engine_differences(step: Step, degree: int, noise_patches: int, seed: int) -> int:
    """Projections that some engine moves otherwise than the symbolic gradient says, beyond rounding."""
    problem = small_problem(degree, noise_patches, seed)
    expected = symbolic_move(degree, noise_patches, seed)
    state = DenseEngine(problem, 1.0, AdversaryName.TRANSFER).state()
    sizes = [float(torch.max(torch.abs(part))) for part in (state.signal_projections, state.preactivations)]
    differing = 0
    for move in step(problem, 1.0).values():
        for told, made, size in zip(expected, move, sizes, strict=True):
            allowed = ROUNDINGS * np.finfo(float).eps * (size + float(np.abs(told).max()))
            differing += int((~(np.abs(told - made) <= allowed)).sum())
    return differing
