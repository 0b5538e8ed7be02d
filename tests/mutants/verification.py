"""Which mutants a verification notices without any test: `PYTHONPATH=tests python -m mutants.verification`.

A mutant is noticed when `cgro verify` of claims that use its module ends with another exit code than without it:
a claim refuted or left open, a negative control not refuted, or an error.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mutants.__main__ import ROOT, known_equivalents, sampled
from mutants.groups import THEOREM_2, THEOREMS
from mutants.planting import copy_tree

CLAIMS: dict[str, tuple[str, tuple[str, ...]]] = {
    f"{THEOREMS}/gaussian_model/theory/robust_error.py": ("gaussian_model", ()),
    f"{THEOREMS}/lemmas/theory/tensor_power.py": ("lemmas", ("lemmas.tensor_power_time",)),
    f"{THEOREMS}/lemmas/theory/common_clock.py": ("lemmas", ("lemmas.common_clock",)),
    f"{THEOREM_2}/theory/counts.py": ("theorem_2", ("theorem_2.parameter_count",)),
    f"{THEOREM_2}/theory/lower_bound.py": ("theorem_2", ("theorem_2.robust_lower_bound",)),
}
VERIFY = "from cgro_theory.cli import main; main()"


def verify(copy: Path, module: str, seed: int, limit: float) -> int | None:
    """The exit code of a verification of the module's claims; None where it took longer than ``limit`` seconds."""
    room, labels = CLAIMS[module]
    command = [sys.executable, "-B", "-c", VERIFY, "verify", room, "--profile", "quick", "--seed", str(seed)]
    for label in labels:
        command += ["--only", label]
    environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    command += ["--out", str(copy / "mutant_results")]
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return None
    return done.returncode


def main() -> None:
    """Judge a sample and print one line for each mutant."""
    parser = argparse.ArgumentParser(prog="mutants.verification", description=__doc__)
    parser.add_argument("--sample-seed", type=int, default=880_050)
    parser.add_argument("--seed", type=int, default=881_900)
    parser.add_argument("--per-module", type=int, default=5)
    options = parser.parse_args()
    noticed = total = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "tree"
        copy_tree(ROOT, copy)
        for module in CLAIMS:
            source = (ROOT / module).read_bytes()
            usual = verify(copy, module, options.seed, 300.0)
            for site in sampled(module, source, options.per_module, options.sample_seed):
                if site.name in known_equivalents().get(module, {}):
                    continue
                (copy / module).write_bytes(site.planted(source))
                code = verify(copy, module, options.seed, 300.0)
                (copy / module).write_bytes(source)
                noticed, total = noticed + (code is not None and code != usual), total + 1
                print(f"{usual} -> {code}  {module}:{site.line}  {site.name}", flush=True)
    print(f"{noticed} of {total} noticed; sample seed {options.sample_seed}, seed {options.seed}")


if __name__ == "__main__":
    main()
