"""``cgro certify``: a computer-assisted proof of one network's whole training (docs/theory/theorem_1.md, 8.3)."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from pathlib import Path

from cgro_theory.atomic_file import require_writable
from cgro_theory.claims import ExitCode
from cgro_theory.commands.console import progress_reporter
from cgro_theory.commands.declared_options import MINUTES
from cgro_theory.errors import require_integer
from cgro_theory.setting.initial_draw import draw_subspace
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.certificate.error_growth import NotCompleted
from cgro_theory.theorems.theorem_1_feature_learning.certificate.proving import (
    precision_text,
    proof_of,
    require_provable,
)
from cgro_theory.theorems.theorem_1_feature_learning.certificate.statement import statement
from cgro_theory.theorems.worker_pool import WorkerPool

WIDTH_OF_TEXT = 80


def run_certify(setting: PatchSetting, seed: int, out: Path, *, minutes: float | str, quiet: bool) -> ExitCode:
    """Prove, check, write the certificate and print the theorem.

    Returns 3, with the reason on standard error and no file written, where no certificate can be completed.
    Raises :class:`InvalidInput` for settings without a proof and for sizes that would take more than ``minutes``.
    """
    require_integer("seed", seed, 0)
    limit = 60.0 * float(MINUTES.parse(minutes))
    require_writable(out)
    cores = os.cpu_count() or 1
    estimate = require_provable(setting, limit, cores)
    draw = draw_subspace(setting, seed)
    if not quiet:
        print(f"note: about {max(estimate, 1.0):.0f} s on {cores} cores", file=sys.stderr)
    started = time.monotonic()
    try:
        with progress_reporter(quiet) as progress, WorkerPool() as pool:
            proof = proof_of(setting, draw, pool, progress)
    except NotCompleted as reason:
        print(f"not proved: {reason} ({precision_text()}); no file was written", file=sys.stderr)
        return ExitCode.INCONCLUSIVE
    proof.certificate.save(out)
    print(textwrap.fill(statement(setting, seed, proof.proved), WIDTH_OF_TEXT))
    steps, size = len(proof.certificate.durations), out.stat().st_size / 1e6
    print(
        f"\nProved in {time.monotonic() - started:.1f} s: {steps} steps; {precision_text()}.\n"
        f"{out} ({size:.1f} MB) holds the certificate; check it again, without this program:\n"
        f"  python verification/check_certificate.py {out}"
    )
    return ExitCode.PASSED
