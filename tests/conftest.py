"""Hypothesis profiles: dev while writing, ci derandomized (the default), thorough for the slow run."""

import os

import torch
from hypothesis import HealthCheck, settings

_slow = [HealthCheck.too_slow, HealthCheck.differing_executors]
settings.register_profile("dev", max_examples=20, deadline=None, suppress_health_check=_slow)
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True, suppress_health_check=_slow)
settings.register_profile("thorough", max_examples=1000, deadline=None, suppress_health_check=_slow)
os.environ.pop("COLUMNS", None)  # of the terminal that starts the tests' processes, not of what a test prints to
# One thread: the problems are small, and two busy threads on a shared machine wait for each other.
torch.set_num_threads(1)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
