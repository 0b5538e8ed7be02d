"""The kinds of runs that a grid can ask for: their parameters, limits and defaults. Imports no training code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cgro_theory.commands.method_choice import method_asked
from cgro_theory.commands.run_size import require_descent_time, require_flow_time, require_memory
from cgro_theory.commands.sweep_size import require_landscape_size, require_memorizer_size
from cgro_theory.errors import InvalidInput
from cgro_theory.parameter import Parameter
from cgro_theory.setting.declared import PATCH, PERTURBATION_RADIUS, RUNS, SEED, TRAINING
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.sweep.run_kind import Parameters, RunKind, Scalar
from cgro_theory.vision.declared import LANDSCAPE, TEST_SIZE

_RUNS = "cgro_theory.commands.sweep_runs"
MAX_SEED = 2**53
"""Every seed of a batch's members is below it, so that any of them can be a run of its own."""
METHOD_OPTIONS = ("learning_rate", "steps", "horizon", "tolerance")
"""Those of one method only; refused, unless they are ``auto``, where they would have no effect."""

_SEED = replace(SEED, high=MAX_SEED, help="decides every draw of the run")


def simulate_setting(parameters: Parameters) -> PatchSetting:
    """The setting of a simulation, as ``cgro simulate`` makes it from options of the same names."""
    return PatchSetting.from_options(parameters)


def _check_simulation(parameters: Parameters) -> None:
    _method_of(parameters, simulate_setting(parameters))


def _method_of(parameters: Parameters, setting: PatchSetting) -> str:
    given = {name: parameters[name] for name in METHOD_OPTIONS if parameters[name] != "auto"}
    method, engine, adversary = (str(parameters[name]) for name in ("method", "engine", "adversary"))
    return method_asked(method, setting, engine, adversary, given)


def _check_simulation_size(parameters: Parameters) -> None:
    """Memory, and time where it is known without a draw, as `cgro simulate` limits both."""
    setting, runs, steps = simulate_setting(parameters), int(parameters["runs"]), parameters["steps"]
    method, dense = _method_of(parameters, setting), parameters["engine"] == "dense"
    require_memory(setting, runs, flow=method == "flow", dense=dense)
    if method == "flow":
        require_flow_time(setting, runs)
    elif steps != "auto":
        l2, count = parameters["adversary"] == "l2", int(steps)
        require_descent_time(setting, runs, count, count, dense=dense or not setting.reduces, l2=l2)


def _resolved(parameters: Parameters) -> dict[str, Scalar]:
    """κ and δ as numbers, which decide each other; the row of a run says which method and η it took."""
    setting = simulate_setting(parameters)
    return {
        "attacked_fraction_taken": setting.attacked_signal_fraction,
        "perturbation_radius_taken": setting.perturbation_radius,
    }


SIMULATE = RunKind(
    name="simulate",
    version=3,
    function=f"{_RUNS}:run_simulation",
    help="train the patch network adversarially, as `cgro simulate` does",
    check=_check_simulation,
    check_size=_check_simulation_size,
    resolve=_resolved,
    parameters=(
        *PATCH.values(),
        PERTURBATION_RADIUS,
        *TRAINING.values(),
        Parameter("checkpoints", "integer", 100, 2, 100_000, help="log-spaced records"),
        Parameter(
            "record",
            "word",
            "summary",
            words=("summary", "trajectory"),
            help="trajectory keeps every recorded array, Gram matrices included",
        ),
        replace(RUNS, default=1, high=4096, help="networks trained together; the first has the seed"),
        _SEED,
    ),
)


def _check_memorizer(parameters: Parameters) -> None:
    if parameters["data"] == "digits":
        if parameters["dimension"] != DIGITS_DIMENSION:
            raise InvalidInput("dimension", parameters["dimension"], f"{DIGITS_DIMENSION} for the digits")
        if int(parameters["samples"]) > DIGITS_SAMPLES:
            raise InvalidInput("samples", parameters["samples"], f"<= {DIGITS_SAMPLES} for the digits 3 and 8")


DIGITS_DIMENSION = 64
DIGITS_SAMPLES = 357

MEMORIZER = RunKind(
    name="memorizer",
    version=1,
    function=f"{_RUNS}:run_memorizer",
    help="build theorem 2's robust memorizer around a least-squares classifier and certify it",
    check=_check_memorizer,
    check_size=require_memorizer_size,
    parameters=(
        Parameter(
            "data", "word", "uniform", words=("uniform", "digits"), help="points: unit cube, or digits 3, 8"
        ),
        Parameter("samples", "integer", 100, 1, 1_000_000, help="training points N"),
        Parameter("dimension", "integer", 64, 1, 1_000_000, help="input dimension D; 64 for the digits"),
        Parameter("norm_order", "word", "inf", words=("1", "2", "inf"), help="p of the balls"),
        Parameter(
            "radius_share", "number", 0.375, 1e-6, 0.499, help="δ over the smallest distance of opposite labels"
        ),
        Parameter("certify", "word", "yes", words=("yes", "no"), help="bound the margin over every ball"),
        _SEED,
    ),
)


def _check_images(parameters: Parameters) -> None:
    is_file = parameters["data"] != "digits"
    if is_file != bool(parameters["root"]):
        told = "the folder of its files" if is_file else "left out: the digits are part of a library"
        raise InvalidInput("root", parameters["root"], f"{told}, for the data {parameters['data']}")


def _check_images_here(parameters: Parameters) -> None:
    if parameters["root"] and not Path(str(parameters["root"])).is_dir():
        raise InvalidInput("root", parameters["root"], "a folder that is there")
    require_landscape_size(parameters)


LANDSCAPE_RUN = RunKind(
    name="landscape",
    version=1,
    function="cgro_theory.commands.sweep_landscape:run_landscape_cell",
    help="train an image classifier and measure its loss landscape, as `cgro landscape` does on a CPU",
    check=_check_images,
    check_size=_check_images_here,
    parameters=(
        *LANDSCAPE.values(),
        TEST_SIZE,
        Parameter("root", "text", "", help="folder of the data files; empty for the digits"),
        Parameter("adversarial", "word", "yes", words=("yes", "no"), help="no trains on clean images"),
        Parameter("measure_restarts", "integer", 1, 1, 100, help="starts of a measure; twice at the end"),
        _SEED,
    ),
)

KINDS = {kind.name: kind for kind in (SIMULATE, MEMORIZER, LANDSCAPE_RUN)}
"""All kinds. A new one is a :class:`RunKind` here, with its function in a module that only workers import."""
