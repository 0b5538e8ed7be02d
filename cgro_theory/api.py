"""What ``from cgro_theory import …`` offers: the calculator, training, verification and proofs, as functions.

Nothing is printed. Invalid input raises :class:`~cgro_theory.errors.InvalidInput` with name, value and allowed
range. What needs torch imports it when it is called, so that the calculator starts without.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cgro_theory.calculator.memorizer import memorizer
from cgro_theory.calculator.robust_size import robust_size
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.tables import Tabular

if TYPE_CHECKING:
    from cgro_theory.calculator.answer import Answer
    from cgro_theory.claims import Figure, VerificationResult
    from cgro_theory.theorems.theorem_1_feature_learning.certificate.proving import Proof
    from cgro_theory.trainer.trajectories import Trajectories

__all__ = ["PatchSetting", "certify", "flatness", "memorizer", "robust_size", "simulate", "stages", "verify"]


def stages(setting: PatchSetting, seed: int | None = None, *, learning_rate: float = 0.0) -> Answer:
    """Theorem 1's times and boundaries, in η·step: leading orders of a typical draw, or of ``seed`` enclosures.

    ``learning_rate`` η >= 0 is descent's, for the enclosures; 0 is the gradient flow. The draw is that of
    :func:`simulate` with the same seed.

    >>> answer = stages(PatchSetting.version_1(10**6), seed=3)
    >>> answer["signal_time"].high < answer["memorization_time"].low
    True
    """
    if seed is None:
        from cgro_theory.calculator.stages import stages as typical_stages

        return typical_stages(setting)
    from cgro_theory.calculator.drawn_stages import drawn_stages

    return drawn_stages(setting, seed, learning_rate)


def flatness(
    num_samples: int,
    input_dimension: int,
    *,
    gradient_variation: float | Literal["cosine"],
    global_flatness: float = 1.0,
    perturbation_radius: float = 0.1,
    class_weights: tuple[float, ...] = (0.5, 0.5),
    loss_bound: float = 1.0,
    failure_probability: float = 0.05,
    bandwidth: float | None = None,
    level: float | None = None,
    lipschitz: float | None = None,
    local: bool = False,
) -> Answer:
    """Theorem 3's upper bound of the robust generalization gap, with the N from which it says something.

    N in [1, 10^900], D in [1, 10^9]; V = ``gradient_variation`` of the density, which decides what is vacuous and
    so has no default ("cosine": that of the synthetic ones, 3.6 D); F = ``global_flatness`` >= 0 in loss per
    length, δ = ``perturbation_radius`` in the max norm, π_y = ``class_weights`` with sum 1, B = ``loss_bound``
    > 0, Δ = ``failure_probability`` in (0, 1), h = ``bandwidth`` in (0, 1/2] (default: the best), ``level``: the
    gap to get below, for the N needed (default: B), ``lipschitz``: the loss's largest slope, for a comparator.
    ``local``: F is the mean over the sample instead.

    >>> [flatness(*at, gradient_variation="cosine")["gap_bound"].vacuous for at in ((10**6, 1), (50_000, 784))]
    [False, True]
    """
    from cgro_theory.calculator.flatness import FlatnessProblem, cosine_variation
    from cgro_theory.calculator.flatness import flatness as bound
    from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import DensitySmoothness

    variation = cosine_variation(input_dimension) if gradient_variation == "cosine" else gradient_variation
    problem = FlatnessProblem(
        num_samples,
        input_dimension,
        DensitySmoothness(variation, class_weights),
        flatness=global_flatness,
        perturbation_radius=perturbation_radius,
        loss_bound=loss_bound,
        failure_probability=failure_probability,
        bandwidth=bandwidth,
        level=level,
        lipschitz=lipschitz,
        local=local,
    )
    return bound(problem)


@dataclass(frozen=True)
class Simulation(Tabular):
    """Trained networks: ``trajectories`` over time, and the ``document`` that ``cgro simulate --json`` writes."""

    trajectories: Trajectories
    document: dict[str, Any]

    def __str__(self) -> str:
        """What ``cgro simulate`` prints."""
        from cgro_theory.commands.simulate_summary import summary_text

        return summary_text(self.trajectories, self.document)

    def figure(self) -> Figure:
        """The margins of the first run over time, as data; ``report.figures.render`` draws it."""
        from cgro_theory.commands.simulate_figure import trajectory_figure

        return trajectory_figure(self.trajectories)

    def rows(self) -> list[dict[str, Any]]:
        """One row per run: its seed, times, and numbers at the end; None where not reached."""
        rows = []
        for run in self.document["runs"]:
            reached = [time for time in run["memorization_times"] if time is not None]
            final = run["final"] or {}
            rows.append(
                {
                    "seed": run["seed"],
                    "signal_time": run["signal_time"],
                    "first_memorization_time": min(reached, default=None),
                    "points_memorized": len(reached),
                    "stopped_because": run["stopped_because"],
                    "final_time": run["final_time"],
                    "signal_margin": final.get("signal_margin"),
                    **{
                        f"{name}_{side}_error": final.get(f"{name}_{side}_error")
                        for side in ("train", "test")
                        for name in ("clean", "robust")
                    },
                }
            )
        return rows


def simulate(
    setting: PatchSetting,
    *,
    runs: int = 1,
    seed: int = 0,
    method: Literal["auto", "descent", "flow"] = "auto",
    adversary: Literal["transfer", "span", "l2"] = "transfer",
    learning_rate: float | None = None,
    steps: int | None = None,
    horizon: float | None = None,
) -> Simulation:
    """Train ``runs`` networks as ``cgro simulate`` does; what is None is chosen as there.

    Times are η·step. ``learning_rate`` and ``steps`` are descent's, ``horizon`` is the flow's end.

    >>> run = simulate(PatchSetting.version_1(10**6, num_samples=3, width=8), seed=3)
    >>> run.rows()[0]["points_memorized"]
    3
    """
    from cgro_theory.errors import require_installed

    require_installed("torch")
    from cgro_theory.commands.simulate import trajectories_document
    from cgro_theory.commands.simulate_plan import SimulateRequest, carry_out, plan_simulation

    plan = plan_simulation(
        SimulateRequest(
            setting,
            learning_rate=learning_rate,
            steps=steps,
            method=method,
            horizon=horizon,
            runs=runs,
            seed=seed,
            adversary=adversary,
        )
    )
    trajectories = carry_out(plan)
    return Simulation(trajectories, trajectories_document(trajectories, plan))


def verify(
    theorem: str, *, profile: Literal["quick", "full"] = "quick", seed: int = 0, only: tuple[str, ...] = ()
) -> VerificationResult:
    """Judge the claims of one theorem, or ``only`` some and what they depend on: trains networks for minutes.

    ``theorem`` is a label such as ``theorem_1`` or ``lemmas``. Runs are made in processes of their own, one per
    core: in a script, call it below ``if __name__ == "__main__":``.

    >>> verify("lemmas", only=("lemmas.gaussian_chaos_variance",)).outcome.value
    'certified'
    """
    from cgro_theory.errors import require_choice, require_installed, require_integer

    require_installed("torch")
    from cgro_theory.commands.environment import describe_environment, resolve_device
    from cgro_theory.theorems.catalogue import room
    from cgro_theory.theorems.verification import plan_room, verify_room
    from cgro_theory.trainer.threads import one_thread

    home = room(theorem)
    require_choice("profile", profile, ("quick", "full"))
    require_integer("seed", seed, 0, 2**62)
    environment = describe_environment(resolve_device("cpu"))
    with one_thread():
        return verify_room(plan_room(home, profile=profile, seed=seed, only=only), environment)


def certify(setting: PatchSetting, seed: int = 0, *, minutes: float = 60.0) -> Proof:
    """Prove theorem 1 for the network of this draw: its ``certificate``, and in ``proved`` what it proves.

    Odd q, κ in [0, 1], 0 < λ < 1. Raises :class:`InvalidInput` for other settings and for sizes that would take
    more than ``minutes``, and :class:`NotCompleted` where no proof can be completed.

    >>> proof = certify(PatchSetting.version_1(10**6, num_samples=2, width=3), seed=0)
    >>> proof.proved["clean_train_error"]
    0.0
    """
    from cgro_theory.errors import require_integer
    from cgro_theory.setting.initial_draw import draw_subspace
    from cgro_theory.theorems.theorem_1_feature_learning.certificate.proving import proof_of, require_provable

    require_integer("seed", seed, 0)
    require_provable(setting, 60.0 * minutes, os.cpu_count() or 1)
    return proof_of(setting, draw_subspace(setting, seed))
