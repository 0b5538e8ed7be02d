"""Commands as a user starts them, in new processes: `python benchmarks/commands.py [--quick]`."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from measure import Row, command_output, command_seconds, in_turn, run_part

BOUNDS = {
    "stages": ["--dimension", "1e6"],
    "test-error": ["--signal-margin", "14", "--attacked-fraction", "0.001", "--covariance-scale", "1e-4"],
    "memorizer": ["--dimension", "3072", "--samples", "50000", "--norm-order", "inf"],
    "robust-size": ["--dimension", "100", "--samples", "100"],
    "flatness": [
        *("--dimension", "2", "--samples", "1e4", "--flatness", "1"),
        *("--gradient-variation", "1", "--level", "0.1"),
    ],
}
"""One question of each calculator, as docs/calculator.md asks it."""
THREADS: tuple[str | None, ...] = ("1", "2", None)
DESCENT = (
    "import sys; sys.path.insert(0, {folder!r}); from engines import trained_seconds_per_run_step;"
    "print(trained_seconds_per_run_step())"
)


def cgro(*arguments: str) -> float:
    """Processor seconds of one `cgro` command."""
    return command_seconds(["-m", "cgro_theory", *arguments])


def rows(quick: bool) -> Iterator[Row]:
    sides = {f"cgro bound {name}": ["bound", name, *options] for name, options in BOUNDS.items()}
    sides["cgro --help"] = ["--help"]
    found = in_turn(
        {name: lambda arguments=arguments: cgro(*arguments) for name, arguments in sides.items()},
        2 if quick else 5,
    )
    for name, taken in found.items():
        yield Row(
            f"`{name}` in a new process, CPU", statistics.median(taken), "s", 0.5 if "help" in name else 0.25
        )
    simulated = [cgro("simulate", "--dimension", "1e9", "--quiet") for _ in range(1 if quick else 3)]
    yield Row("`cgro simulate --dimension 1e9` in a new process, CPU", statistics.median(simulated), "s", 2.0)
    yield thread_row(quick)


def thread_row(quick: bool) -> Row:
    """Descent of a batch with OMP_NUM_THREADS 1, 2 and unset: the largest processor time over the least."""
    code = DESCENT.format(folder=str(Path(__file__).parent))

    def taken(threads: str | None) -> float:
        return float(command_output(["-c", code], {"OMP_NUM_THREADS": threads}))

    found = in_turn(
        {str(threads or "unset"): lambda threads=threads: taken(threads) for threads in THREADS}, 2 if quick else 5
    )
    medians = {name: statistics.median(values) for name, values in found.items()}
    return Row(
        "descent with OMP_NUM_THREADS 1, 2 and unset, CPU, largest over least",
        max(medians.values()) / min(medians.values()),
        "times",
        1.3,
        note=", ".join(f"{name}: {value * 1e6:.2f} µs" for name, value in medians.items()),
    )


if __name__ == "__main__":
    run_part(__doc__, rows)
