"""Gradient flow of the subspace system: the limit η → 0 of descent, at any d.

The times of theorem 1 spread over twelve decades at d = 10^15, and each growth ends in a blow-up; in the clock of
:meth:`FlowSystem.in_clock` an adaptive integrator of order eight (scipy's DOP853) crosses them in some hundred
steps. Beyond α (κ < 0) the signal comes to a rest that makes the system stiff: :mod:`fast_signal` goes on there.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853
from scipy.optimize import brentq

from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.trainer.compiled_flow import CompiledFlowSystem, CompiledSolver, flow_system
from cgro_theory.trainer.fast_signal import STIFF, FastSignalSolver, relaxations
from cgro_theory.trainer.flow_system import FlowSystem
from cgro_theory.trainer.subspace_problem import SubspaceProblem
from cgro_theory.trainer.threads import one_thread
from cgro_theory.trainer.trajectories import LEARNED_MARGIN, Trajectories, empty_records

Array = NDArray[np.float64]
Progress = Callable[[float], None]
Solver: TypeAlias = DOP853 | FastSignalSolver

MAX_INTEGRATOR_STEPS = 200_000
"""A run that needs more steps than this has met a tolerance that cannot be met."""
MOST_PLACES = 10_000
"""Of a step that are looked at for where a level is reached; where it is reached as a power, many are needed."""
CLOCK_END = 1e6
"""Far more ticks of the clock than a run can need: each is a relative change of its state by a factor e."""
SMALLEST_TOLERANCE = 1e-13
"""Of the integrator for the logarithm of time, a little above rounding."""


@one_thread()
def integrate_flow(
    problem: SubspaceProblem,
    *,
    horizon: float,
    adversary: AdversaryName = AdversaryName.TRANSFER,
    relative_tolerance: float = 1e-8,
    stop_when_memorized: bool = True,
    enough_memorized: int | None = None,
    num_checkpoints: int = 100,
    progress: Progress | None = None,
) -> Trajectories:
    """Integrate the gradient flow of every run and record it like a descent with learning rate 0.

    Args:
        problem: drawn or reduced problems; each run is integrated on its own, so a batch changes nothing.
        horizon: time at which a run stops at the latest, > 0.
        adversary: ``transfer`` or ``span``.
        relative_tolerance: local error per step, in [1e-12, 1e-3]; the absolute one is this times the size of
            the initial projections.
        stop_when_memorized: end a run when the last V_i reaches 1.
        enough_memorized: in [1, N]; end a run when that many V_i have reached 1. None: all of them.
        num_checkpoints: log-spaced records, >= 2.
        progress: called with the fraction of runs done.

    A run whose tolerance cannot be met ends as ``failed``, its ``final_time`` the time reached. It computes on
    one thread, whatever OMP_NUM_THREADS says: a second one makes it several times slower.
    """
    if require_finite("horizon", horizon, "a finite number > 0") <= 0:
        raise InvalidInput("horizon", horizon, "a finite number > 0")
    allowed = "in [1e-12, 1e-3]"
    if not 1e-12 <= require_finite("relative_tolerance", relative_tolerance, allowed) <= 1e-3:
        raise InvalidInput("relative_tolerance", relative_tolerance, allowed)
    require_integer("num_checkpoints", num_checkpoints, 2)
    samples = problem.setting.num_samples
    enough = samples if enough_memorized is None else enough_memorized
    stop_at = require_integer("enough_memorized", enough, 1, samples) if stop_when_memorized else samples + 1
    runs = len(problem.seeds)
    systems = [flow_system(problem, run, adversary) for run in range(runs)]
    first = min(horizon, *(system.time_scale for system in systems))
    times = np.concatenate([[0.0], np.geomspace(first, horizon, num_checkpoints)])
    records = empty_records(problem.setting, runs, times.size)
    records["labels"] = problem.labels
    records["checkpoint_times"] = times
    records["initial_preactivations"] = problem.preactivations
    stopped = []
    for run, system in enumerate(systems):
        writer = _Writer(system, problem.select([run]), records, run)
        stopped.append(_integrate(system, writer, times, relative_tolerance, stop_at))
        if progress is not None:
            progress((run + 1) / runs)
    return Trajectories(
        setting=problem.setting,
        engine="subspace",
        method="flow",
        adversary=adversary.value,
        learning_rate=0.0,
        relative_tolerance=relative_tolerance,
        dtype="float64",
        seeds=tuple(problem.seeds),
        stopped_because=tuple(stopped),
        noise_gram=problem.gram,
        **records,
    )


def _integrate(system: FlowSystem, writer: _Writer, times: Array, relative_tolerance: float, stop_at: int) -> str:
    """Integrate one run to the last of ``times`` or ``stop_at`` memorized points; return why it stopped."""
    solver = _solver(system, relative_tolerance, 0.0, np.append(system.initial, 0.0))
    level = np.full(1 + system.setting.num_samples, LEARNED_MARGIN)
    level[0] /= system.setting.clean_gain
    stamps = system.log_time(times)
    learned = system.margins(system.initial) >= level
    writer.event(np.flatnonzero(learned), 0.0)
    writer.checkpoint(0, system.initial)
    if int(learned[1:].sum()) >= stop_at:
        writer.final(system.initial, 0.0)
        return "memorized"
    due, left = 1, MAX_INTEGRATOR_STEPS
    while left > 0:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # what goes wrong in a step is reported by the status as well
            left -= _advance(system, solver, level, learned, stamps[min(due, times.size - 1)], left)
        if solver.status != "running" or not np.all(np.isfinite(solver.y)):
            break
        step = _Step(system, solver)
        end, state = solver.t, solver.y
        sign = system.jumps_to(state[:-1])
        if sign is not None:
            end = step.when_signal_vanishes(end)
            state = step.at(end)
        horizon_passed = bool(state[-1] >= stamps[-1])
        if horizon_passed:
            end = step.when_log_time_reaches(stamps[-1], end)
            state = step.at(end)
        crossed = np.flatnonzero((system.margins(state[:-1]) >= level) & ~learned)
        reached = [(step.when_margin_reaches(level, int(index), end), int(index)) for index in crossed]
        enough = False
        for clock, index in sorted(reached):
            writer.event(np.array([index]), system.time_at(step.at(clock)[-1]))
            learned[index] = True
            enough = int(learned[1:].sum()) >= stop_at
            if enough:  # what the step crosses after the run's end is no part of the run
                end, state = clock, step.at(clock)
                break
        while due < times.size and stamps[due] <= state[-1]:
            writer.checkpoint(due, step.at(step.when_log_time_reaches(stamps[due], end))[:-1])
            due += 1
        if horizon_passed and not enough and due < times.size:  # missed by the interpolant's rounding
            writer.checkpoint(due, state[:-1])
        if horizon_passed or enough:
            writer.final(state[:-1], system.time_at(state[-1]))
            return "memorized" if enough or learned[1:].all() else "horizon"
        if sign is not None:
            system.signal_sign = sign
            solver = _solver(system, relative_tolerance, end, state)
        elif isinstance(solver, DOP853) and _is_stiff(system, state):
            solver = _solver(system, relative_tolerance, end, state, stiff=True)
    writer.records["final_time"][writer.run] = system.time_at(solver.y[-1])
    return "failed"


def _advance(
    system: FlowSystem, solver: Solver, level: Array, learned: NDArray[np.bool_], stamp: float, most: int
) -> int:
    """Take a step, or several where there is nothing to look at in between; give their number."""
    if isinstance(solver, CompiledSolver):
        return solver.advance(level, learned, stamp, 1 if _may_be_stiff(system) else most)
    solver.step()
    return 1


def _may_be_stiff(system: FlowSystem) -> bool:
    """Whether the signal can come to a rest to which it is pulled far faster than the noise moves: for κ < 0."""
    return system.setting.attacked_gain < 0.0 and system.signal_sign != 0.0


def _is_stiff(system: FlowSystem, state: Array) -> bool:
    """Whether the signal is at such a rest."""
    return _may_be_stiff(system) and relaxations(system, state) > STIFF


def _solver(
    system: FlowSystem, relative_tolerance: float, start: float, state: Array, *, stiff: bool = False
) -> Solver:
    """The integrator of (u, v, τ) in a clock, from ``state`` at the clock ``start``.

    ``stiff``: one for a signal at rest.
    """
    initial = np.append(system.initial, 0.0)
    width = system.setting.width
    relative, absolute = np.full_like(initial, relative_tolerance), np.empty_like(initial)
    absolute[:width] = np.abs(initial[:width]).max()
    absolute[width:-1] = np.abs(initial[width:-1]).max()
    # With q = 2 what a neuron does not favour decays exponentially, and what is left of it decides when it
    # returns: there only its relative error counts.
    absolute *= (np.finfo(float).tiny if system.setting.degree == 2 else 1e-3) * relative_tolerance
    # An error of τ is a relative error of t + t_c, and τ itself reaches some tens; an error is judged by the root
    # mean square over the state, in which τ alone may take √n times its share. Where a growth ends inside a long
    # step, DOP853's estimate is up to a hundred times too small, and τ is what it misses most.
    share = (40.0 if stiff else 4000.0) * math.sqrt(initial.size)
    absolute[-1] = relative[-1] = max(relative_tolerance / share, SMALLEST_TOLERANCE)
    if stiff:
        return FastSignalSolver(system, state, relative, absolute)
    if isinstance(system, CompiledFlowSystem):
        return CompiledSolver(system, start, state, CLOCK_END, relative, absolute)
    return DOP853(system.in_clock, start, state, CLOCK_END, rtol=relative, atol=absolute)


class _Step:
    """The integrator's last step: its states between start and end, and when they reach a level."""

    def __init__(self, system: FlowSystem, solver: Solver) -> None:
        self._system = system
        self._solver = solver
        self._low: float = solver.t_old
        self._interpolant: Callable[[float], Array] | None = None

    def at(self, clock: float) -> Array:
        """(u, v, τ) at a clock of the step; the interpolant costs three evaluations, so it is made on demand."""
        if self._interpolant is None:
            self._interpolant = self._solver.dense_output()
        return self._interpolant(clock)

    def when_log_time_reaches(self, log_time: float, high: float) -> float:
        """The clock of the step with τ = ``log_time`` or just above, known to be reached at ``high``."""
        return self._root(lambda extended: float(extended[-1] - log_time), high)

    def when_margin_reaches(self, level: Array, index: int, high: float) -> float:
        """A clock of the step with margin number ``index`` at its level, known to be reached at ``high``."""
        return self._root(lambda extended: float(self._system.margins(extended[:-1])[index] - level[index]), high)

    def when_signal_vanishes(self, high: float) -> float:
        """A clock of the step with U at 0 or just beyond, from the side that the attack answers to."""
        sign = self._system.signal_sign
        return self._root(lambda extended: -sign * float(self._system.margins(extended[:-1])[0]), high)

    def _root(self, excess: Callable[[Array], float], high: float) -> float:
        """Where ``excess`` of the state becomes 0, on the side where it is not negative, as it is at ``high``."""
        if excess(self.at(self._low)) >= 0.0:
            return self._low
        if excess(self.at(high)) <= 0.0:
            return high
        places = {"xtol": 1e-15, "rtol": 1e-15, "maxiter": MOST_PLACES}
        root = float(brentq(lambda clock: excess(self.at(clock)), self._low, high, **places))
        further = math.ulp(root)
        while root < high and excess(self.at(root)) < 0.0:
            root, further = min(high, root + further), 2.0 * further
        return root


@dataclass(frozen=True)
class _Writer:
    """Writes one run's states into the shared records."""

    system: FlowSystem
    problem: SubspaceProblem
    records: dict[str, NDArray[np.float64]]
    run: int

    def event(self, indices: NDArray[np.int64], time: float) -> None:
        """The margins with these indices (0 the signal, then the points) reached their level at ``time``."""
        for index in indices:
            if index == 0:
                self.records["signal_time"][self.run] = time
            else:
                self.records["memorization_times"][self.run, index - 1] = time

    def checkpoint(self, index: int, state: Array) -> None:
        """Record ``state`` as checkpoint number ``index``."""
        u, v = self.system.split(state)
        margins = self.system.margins(state)
        clean, attacked = (
            float(np.logaddexp(0.0, -(gain * margins[0] + margins[1:])).mean())
            for gain in self.system.gains(margins[0])
        )
        weight = self.system.setting.adversarial_weight
        for name, value in (
            ("signal", margins[0]),
            ("noise_margins", margins[1:]),
            ("objective", (1.0 - weight) * clean + weight * attacked),
            ("signal_projections", u),
            ("weight_gram", self._weight_gram(v)),
        ):
            self.records[name][self.run, index] = value

    def final(self, state: Array, time: float) -> None:
        """Record ``state`` as the end of the run."""
        u, v = self.system.split(state)
        margins = self.system.margins(state)
        for name, value in (
            ("final_time", time),
            ("final_signal", margins[0]),
            ("final_noise_margins", margins[1:]),
            ("final_attacked_margins", self.system.gains(margins[0])[1] * margins[0] + margins[1:]),
            ("final_signal_projections", u),
            ("final_preactivations", v),
            ("final_weight_gram", self._weight_gram(v)),
        ):
            self.records[name][self.run] = value

    def _weight_gram(self, preactivations: Array) -> Array:
        return np.asarray(self.problem.weight_gram_at(preactivations[None])[0])
