"""How much memory and time a memorizer or a landscape of a sweep takes, estimated before any run starts.

The estimates are rough: within a factor of three or so, on one core of a usual machine. The limits are those of
:mod:`~cgro_theory.commands.run_size`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from cgro_theory.commands.run_size import LONGEST_SECONDS, MEMORY_SHARE, gigabytes, largest, machine_memory
from cgro_theory.errors import InvalidInput
from cgro_theory.sweep.run_kind import Parameters

Estimate = Callable[[Parameters], float]

IMAGE_SHAPES = {"digits": (1, 8), "mnist": (1, 28), "cifar10": (3, 32)}
"""Channels, and height and width in pixels."""
MEASURED_AT_ONCE = 512
"""Images of a measure that are held with their derivatives at once."""
MULTIPLICATIONS_PER_SECOND = 1.5e10
PASS_SECONDS = 5e-4
"""What a pass through a network takes beyond its arithmetic."""


def require_memorizer_size(parameters: Parameters) -> None:
    """Refuse a memorizer that would not fit or that takes too long, with the samples or inputs that would do."""
    _require(parameters, _memorizer_bytes, _memorizer_seconds, ("samples", "dimension"))


def require_landscape_size(parameters: Parameters) -> None:
    """The same for a landscape; the first parameter whose change alone suffices is named."""
    times = ("epochs", "recorded_epochs", "measure_steps", "measure_restarts", "attack_steps")
    _require(parameters, _landscape_bytes, _landscape_seconds, (*times, "width", "batch_size", "train_size"))


def _require(parameters: Parameters, memory: Estimate, seconds: Estimate, names: Sequence[str]) -> None:
    room = MEMORY_SHARE * machine_memory()
    needed, time = memory(parameters), seconds(parameters)
    if needed > room:
        shown = f"here: {gigabytes(int(needed))} would be needed and {gigabytes(int(room))} are the limit"
    elif time > LONGEST_SECONDS:
        shown = f"here: about {time / 3600:.3g} hours, {LONGEST_SECONDS / 3600:.0f} are the limit"
    else:
        return
    for name in names:

        def fits(value: int, name: str = name) -> bool:
            other = {**parameters, name: value}
            return memory(other) <= room and seconds(other) <= LONGEST_SECONDS

        most = largest(fits, 1, int(parameters[name]))
        if most:
            raise InvalidInput(name, parameters[name], f"at most {most:,} {shown}")
    raise InvalidInput(names[0], parameters[names[0]], f"far smaller {shown}")


def _memorizer_bytes(parameters: Parameters) -> float:
    """The units of every point, for p = 2 with those of some 12 squarings, and the least squares of the inputs."""
    samples, dimension = int(parameters["samples"]), int(parameters["dimension"])
    return samples * dimension * (1500.0 if parameters["norm_order"] == "2" else 250.0) + 16.0 * dimension**2


def _memorizer_seconds(parameters: Parameters) -> float:
    """All distances twice, the least squares, and the building."""
    samples, dimension = float(parameters["samples"]), float(parameters["dimension"])
    return samples**2 * (2e-8 + 2e-9 * dimension) + 5e-11 * dimension**3 + 4e-6 * samples * dimension


def _landscape_bytes(parameters: Parameters) -> float:
    """Weights with gradient and Adam's two moments, and what the derivatives of a batch or measure hold."""
    _, side = IMAGE_SHAPES[str(parameters["data"])]
    images = min(int(parameters["batch_size"]), int(parameters["train_size"]))
    images = max(images, min(MEASURED_AT_ONCE, max(int(parameters["train_size"]), int(parameters["test_size"]))))
    held = 60.0 if parameters["architecture"] == "resnet" else 30.0
    return 16.0 * _weights(parameters)[0] + 4.0 * held * images * int(parameters["width"]) * side**2


def _landscape_seconds(parameters: Parameters) -> float:
    """Training, the measures on the way, and those at the end with twice the steps and starts.

    In passes of one image: an ascent on the loss takes about 3 per step, one on the gradient's norm 8.
    """
    count = {name: int(value) for name, value in parameters.items() if isinstance(value, int)}
    steps = count["attack_steps"] if parameters["adversarial"] == "yes" else 0
    trained = count["epochs"] * (3 * steps + 3)
    starts, ascent = count["measure_restarts"], count["measure_steps"]
    moments = min(count["epochs"], count["recorded_epochs"] + 2)
    measured = 11 * (3 * moments * starts * (ascent + 1) + 7 * 2 * starts * (2 * ascent + 1))
    both = count["train_size"] + count["test_size"]
    work = _weights(parameters)[1] * (count["train_size"] * trained + both * measured)
    batches = math.ceil(count["train_size"] / count["batch_size"])
    chunks = math.ceil(both / MEASURED_AT_ONCE)
    return work / MULTIPLICATIONS_PER_SECOND + PASS_SECONDS * (batches * trained + chunks * measured)


def _weights(parameters: Parameters) -> tuple[float, float]:
    """The number of weights of the network, and of multiplications of one image's pass through it."""
    (channels, side), width = IMAGE_SHAPES[str(parameters["data"])], int(parameters["width"])
    if parameters["architecture"] == "resnet":
        return 9.0 * (channels * width + 52 * width**2), 9.0 * side**2 * (channels * width + 7 * width**2)
    kernel, last = (25 if side >= 16 else 9), 8 * width**2 * (side // 4) ** 2
    first, second = kernel * channels * width, 2 * kernel * width**2
    return float(first + second + last), float(side**2 * first + (side // 2) ** 2 * second + last)
