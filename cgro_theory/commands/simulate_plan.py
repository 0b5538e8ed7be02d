"""What ``cgro simulate`` and a sweep's simulations do with a request: which method, which step, how long.

Flows need no torch, whose import takes a second: only descent imports it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cgro_theory.calculator.over_attack import no_attack_note
from cgro_theory.commands.console import duration
from cgro_theory.commands.environment import DEVICES, resolve_device
from cgro_theory.commands.method_choice import DESCENT_OPTIONS, FLOW_OPTIONS, method_asked
from cgro_theory.commands.run_size import (
    MEMORY_SHARE,
    bytes_needed,
    machine_memory,
    require_descent_time,
    require_flow_time,
    require_memory,
    step_seconds,
)
from cgro_theory.errors import InvalidInput, require_choice, require_finite, require_integer
from cgro_theory.numerics.seeds import run_seeds
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import group_horizon, initial_draws_of
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import signed_power
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.subspace_problem import SubspaceProblem, draw_subspace_problem
from cgro_theory.trainer.trajectories import Trajectories

if TYPE_CHECKING:
    from cgro_theory.setting.patch_data import DenseProblem

AFFORDABLE_STEPS = 100_000
"""``auto`` takes descent up to this many steps, ten seconds for a few runs, and above them the flow."""
DEFAULT_TOLERANCE = 1e-8
MAX_SEED = 2**62
RULE = "1/(q²(α²(1-λ+λκ²)+σ²d/N))"


@dataclass(frozen=True)
class SimulateRequest:
    """What ``cgro simulate`` was asked for; see its options. None: not given, or ``auto``."""

    setting: PatchSetting
    learning_rate: float | None = None
    steps: int | None = None
    method: str = "auto"
    horizon: float | None = None
    tolerance: float | None = None
    runs: int = 8
    seed: int = 0
    engine: str = "subspace"
    adversary: str = "transfer"
    device: str = "auto"
    dtype: str | None = None
    json_path: str | None = None
    npz_path: str | None = None
    figure_path: str | None = None
    quiet: bool = False

    @property
    def is_dense(self) -> bool:
        """Whether every coordinate is written out: as asked, or because d is too small to reduce."""
        return self.engine == "dense" or not self.setting.reduces

    @property
    def given(self) -> dict[str, object]:
        """The options of one method only that have a value."""
        values = {name: getattr(self, name) for name in (*DESCENT_OPTIONS, *FLOW_OPTIONS)}
        if self.device != "cuda":
            del values["device"]  # the flow runs on the CPU, too
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Plan:
    """How a request is carried out: ``steps`` and ``learning_rate`` are 0 for the flow, ``tolerance`` for descent.

    ``horizon`` is the time at which a run stops at the latest, η·steps for descent.
    """

    request: SimulateRequest
    problem: SubspaceProblem | DenseProblem
    method: str
    device: str
    learning_rate: float
    steps: int
    horizon: float
    tolerance: float
    seconds: float

    def describe(self) -> str:
        """One line: what is done, why, and about how long it takes."""
        request = self.request
        end = f"until every point is memorized or time {self.horizon:.3g}"
        if self.method == "flow":
            rule = request.setting.stable_learning_rate()
            other = f"descent would need up to {_count(self.horizon / rule)} steps of {rule:.3g}"
            what = f"gradient flow, the limit η → 0 of descent, {end} ({other})"
        else:
            rate = (
                f"η = {self.learning_rate:.3g} ({'the step rule' if request.learning_rate is None else 'given'})"
            )
            engine = "the dense engine" if request.is_dense else "the subspace"
            what = f"descent in {engine}, {rate}, {end} ({_count(self.steps)} steps)"
        runs = "1 run takes" if request.runs == 1 else f"{request.runs:,} runs take"
        return f"{what}; {runs} at most about {duration(self.seconds)}"

    def warnings(self) -> tuple[str, ...]:
        """What is to be said of an attack that is none, of a step above the rule, of draws outside the rule."""
        said, rule = no_attack_note(self.request.setting), self.request.setting.stable_learning_rate()
        if self.method == "descent" and self.learning_rate > rule * (1.0 + 1e-9):
            said += (
                f"--learning-rate {self.learning_rate:.6g} is {self.learning_rate / rule:.3g} times the step rule "
                f"{RULE} = {rule:.3g}: descent may overshoot the plateau and miss the flow's times",
            )
        groundless = self.method == "descent" and self.groundless_rule()
        return (*said, groundless) if groundless else said

    def groundless_rule(self) -> str:
        """Why the step rule need not hold for these draws; empty where its premises do.

        A step moves a margin s by the rule's share of s^(2-2/q) ψ(s), which is below ½ for s >= 0 alone: at a
        negative margin ψ is near 1. And one point's noise takes no part in another's, as if orthogonal.
        """
        setting, lowest = self.request.setting, 0.0
        for draw in initial_draws_of(self.problem):
            signed = signed_power(draw.signed_preactivations(setting.noise_patches), setting.degree)
            lowest = min(lowest, float(signed.reshape(setting.num_samples, -1).sum(axis=1).min()))
        if lowest >= -1.0:
            return ""
        ratio = setting.num_noise / (setting.patch_dimension - 1)
        return (
            f"the step rule takes margins from about 0 on and noise patches as nearly orthogonal: here some V_i "
            f"starts at {lowest:.3g}, and there are {ratio:.3g} noise patches per dimension; descent may diverge"
        )


def plan_simulation(request: SimulateRequest) -> Plan:
    """Check a request, draw its data and initial weights, and decide what it left open.

    Raises :class:`InvalidInput` for values outside their domain, options without effect, and more memory or time
    than :mod:`~cgro_theory.commands.run_size` allows.
    """
    setting = request.setting
    require_integer("runs", request.runs, 1)
    require_integer("seed", request.seed, 0, MAX_SEED)
    rate = setting.stable_learning_rate() if request.learning_rate is None else request.learning_rate
    for name, value in (("learning_rate", rate), ("horizon", request.horizon)):
        if value is not None and require_finite(name, value, "a finite number > 0") <= 0:
            raise InvalidInput(name, value, "a finite number > 0")
    if request.steps is not None:
        require_integer("steps", request.steps, 1)
    if request.tolerance is not None:
        require_tolerance(request.tolerance)
    if request.dtype is not None:
        require_choice("dtype", request.dtype, ("float64", "float32"))
    method = method_asked(request.method, setting, request.engine, request.adversary, request.given)
    require_choice("device", request.device, DEVICES)
    require_memory(setting, request.runs, flow=method == "flow", dense=request.engine == "dense")
    if method == "auto":
        method = _affordable_method(request, rate)
    seeds = run_seeds(request.seed, request.runs)
    if method == "flow":
        drawn = draw_subspace_problem(setting, seeds)
        horizon = group_horizon(setting, drawn) if request.horizon is None else request.horizon
        seconds = require_flow_time(setting, request.runs)
        tolerance = DEFAULT_TOLERANCE if request.tolerance is None else request.tolerance
        return Plan(request, drawn, method, "cpu", 0.0, 0, horizon, tolerance, seconds)
    device, problem = resolve_device(request.device), _problem_of_descent(request, seeds)
    steps = request.steps if request.steps is not None else _ceiling(group_horizon(setting, problem) / rate)
    is_l2 = request.adversary == AdversaryName.L2
    if device == "cpu":
        dense = request.is_dense
        seconds = require_descent_time(setting, request.runs, steps, request.steps, dense=dense, l2=is_l2)
    else:
        seconds = steps * step_seconds(setting, request.runs, dense=request.is_dense, l2=is_l2)
    return Plan(request, problem, method, device, rate, steps, rate * steps, 0.0, seconds)


def carry_out(
    plan: Plan, *, num_checkpoints: int = 100, progress: Callable[[float], None] | None = None
) -> Trajectories:
    """Train the networks of a plan."""
    adversary = AdversaryName(plan.request.adversary)
    if plan.method == "flow" and isinstance(plan.problem, SubspaceProblem):
        return integrate_flow(
            plan.problem,
            horizon=plan.horizon,
            adversary=adversary,
            relative_tolerance=plan.tolerance,
            num_checkpoints=num_checkpoints,
            progress=progress,
        )
    from cgro_theory.trainer.descent import train

    return train(
        plan.problem,
        learning_rate=plan.learning_rate,
        steps=plan.steps,
        adversary=adversary,
        num_checkpoints=num_checkpoints,
        device=plan.device,
        dtype=plan.request.dtype or "float64",
        progress=progress,
    )


def _problem_of_descent(request: SimulateRequest, seeds: tuple[int, ...]) -> SubspaceProblem | DenseProblem:
    from cgro_theory.setting.patch_data import draw_dense_problem

    return (draw_dense_problem if request.is_dense else draw_subspace_problem)(request.setting, seeds)


def require_tolerance(tolerance: float) -> None:
    """Refuse a relative error per step that the flow's integrator cannot be given."""
    allowed = "in [1e-12, 1e-3]"
    if not 1e-12 <= require_finite("tolerance", tolerance, allowed) <= 1e-3:
        raise InvalidInput("tolerance", tolerance, allowed)


def _affordable_method(request: SimulateRequest, rate: float) -> str:
    """Descent when it needs few steps, else the flow; judged by the draw of seed 0, alike in every batch."""
    if bytes_needed(request.setting, request.runs, flow=True) > MEMORY_SHARE * machine_memory():
        return "descent"
    try:
        needed = group_horizon(request.setting, draw_subspace_problem(request.setting, (0,))) / rate
    except InvalidInput:  # no neuron of that draw favours what would have to be learned
        return "flow"
    return "descent" if needed <= AFFORDABLE_STEPS else "flow"


def _ceiling(steps: float) -> int:
    return max(1, math.ceil(steps))


def _count(number: float) -> str:
    return f"{math.ceil(number):,}" if number < 1e9 else f"{number:.2g}"
