"""How often `cgro certify` proves a training, and in what time: `python benchmarks/proofs.py --seeds 20`.

Per draw: a certificate is proposed, checked by code that shares none with the prover, compared with a trained run
of the same draw, and checked again with every planted fault. Draws that do not learn the signal or memorize
every point, by the cascade, are counted, not tried. Exit code 1 when a planted fault is accepted or a trained run
lies outside.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

from measure import Row

from cgro_theory.setting.initial_draw import draw_subspace
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.certificate.checker import Refused, check
from cgro_theory.theorems.theorem_1_feature_learning.certificate.error_growth import NotCompleted
from cgro_theory.theorems.theorem_1_feature_learning.certificate.proving import proof_of
from cgro_theory.theorems.theorem_1_feature_learning.certificate.statement import is_signal_first
from cgro_theory.theorems.theorem_1_feature_learning.claims import certified as claim
from cgro_theory.theorems.theorem_1_feature_learning.runs.certified import (
    CertifiedRun,
    learns_and_memorizes,
    trained_until,
)
from cgro_theory.theorems.worker_pool import WorkerPool

FIRST_SEED = 884200
FAULTS = ("_gram_changed", "_error_dropped", "_weights_swapped", "_rounded_inward")


def one(setting, seed, pool, faults):
    if not learns_and_memorizes(setting, seed):
        return {"seed": seed, "favoured": False}
    draw, started = draw_subspace(setting, seed), time.perf_counter()
    try:
        proof = proof_of(setting, draw, pool)
    except NotCompleted as reason:
        seconds = time.perf_counter() - started
        return {"seed": seed, "favoured": True, "proved": False, "why": str(reason), "seconds": seconds}
    seconds = time.perf_counter() - started
    certificate, proved = proof.certificate, proof.proved
    run = CertifiedRun(seed, certificate, trained_until(setting, seed, float(certificate.durations.sum())))
    outside = claim._outside(proved, run.trained)
    accepted = []
    for name in faults:
        try:
            check(getattr(claim, name)(certificate).arrays())
            accepted.append(name)
        except Refused:
            pass
    return {
        "seed": seed,
        "favoured": True,
        "proved": True,
        "seconds": seconds,
        "steps": len(certificate.durations),
        "signal_first": is_signal_first(proved),
        "signal_margin": proved["signal_margin"],
        "least_noise_margin": min(low for low, _ in proved["noise_margins"]),
        "widest_noise_margin": max(high - low for low, high in proved["noise_margins"]),
        "log10_clean_test_error": proved["log10_clean_test_error"],
        "robust_test_error": proved["robust_test_error"],
        "trained_numbers_outside": outside,
        "faults_refused": len(faults) - len(accepted),
        "faults_accepted": accepted,
    }


def rows(quick):
    setting, taken, seed = PatchSetting.version_1(10**6, num_samples=3, width=4), [], FIRST_SEED
    with WorkerPool() as pool:
        while len(taken) < (3 if quick else 20):
            entry = one(setting, seed, pool, ())
            seed += 1
            if entry["favoured"]:
                assert entry["proved"], entry
                assert not entry["trained_numbers_outside"], entry
                taken.append(entry["seconds"])
    what = "a proof of one training, d = 10^6, N = 3, m = 4"
    yield Row(f"{what}: median", statistics.median(taken), "s", note=f"{len(taken)} draws")
    yield Row(f"{what}: largest", max(taken), "s", 20.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dimension", type=float, default=1e6)
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--width", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=20, help="draws to try")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--no-faults", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    setting = PatchSetting.version_1(int(given.dimension), num_samples=given.samples, width=given.width)
    entries, tried, seed = [], 0, given.first_seed
    with WorkerPool() as pool:
        while tried < given.seeds:
            entry = one(setting, seed, pool, () if given.no_faults else FAULTS)
            entries.append(entry)
            tried += entry["favoured"]
            seed += 1
            if entry["favoured"]:
                print(json.dumps(entry), flush=True)
    proved = [entry for entry in entries if entry.get("proved")]
    bad = sum(entry["trained_numbers_outside"] + len(entry["faults_accepted"]) for entry in proved)
    seconds = sorted(entry["seconds"] for entry in entries if entry["favoured"])
    summary = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "dimension": setting.patch_dimension,
        "samples": given.samples,
        "width": given.width,
        "tried": tried,
        "not_tried": len(entries) - tried,
        "proved": len(proved),
        "signal_first": sum(entry["signal_first"] for entry in proved),
        "trained_numbers_outside": sum(entry["trained_numbers_outside"] for entry in proved),
        "faults_refused": sum(entry["faults_refused"] for entry in proved),
        "faults_accepted": sum(len(entry["faults_accepted"]) for entry in proved),
        "median_seconds": seconds[len(seconds) // 2],
        "largest_seconds": seconds[-1],
        "runs": entries,
    }
    print({name: value for name, value in summary.items() if name != "runs"})
    if given.json:
        given.json.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
