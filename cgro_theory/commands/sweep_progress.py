"""How far a sweep is, in one line."""

from __future__ import annotations

import math

from cgro_theory.commands.console import duration
from cgro_theory.sweep.driver import SweepProgress


def describe_progress(status: SweepProgress) -> str:
    """Counts, the percentage and the estimate of the time left.

    >>> describe_progress(SweepProgress(total=200, done=49, failed=1, held=0, executed=50, seconds_left=90.0))
    '50 of 200 runs (25 %), 1 failed, about 2 min left'
    """
    settled = status.done + status.failed
    parts = [f"{settled:,} of {status.total:,} runs ({100 * settled // max(status.total, 1)} %)"]
    if status.failed:
        parts.append(f"{status.failed:,} failed")
    if status.held:
        parts.append(f"{status.held:,} with another process")
    if status.seconds_left is not None and settled < status.total:
        parts.append(f"about {duration(math.ceil(status.seconds_left))} left")
    return ", ".join(parts)
