"""Time, memory and disk of the commands of docs/artifact.md: `python benchmarks/artifact.py [ROOM or CLAIM ...]`.

Each command runs alone, as it stands on the page, with `--out` a new folder. Memory is the largest sum over its
processes that was seen, twice a second, of their proportional shares (pages that several share count once).
Without arguments every theorem, then every claim alone. What was measured goes to `--record`, beside what is there
of other commands; `cgro paper-map` then makes the page's tables. Exit code 1 when a command did not end with 0.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from cgro_theory.report.artifact import SCHEMA, command_of
from cgro_theory.theorems.catalogue import ROOMS, room_of_claim

HOMES = [room.label for room in ROOMS]
RECORD = Path(__file__).parent / "recorded" / "artifact.json"


def shares(root):
    """Bytes of the process and all below it."""
    total = 0
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            total += process.memory_full_info().pss
    return total


def size_of(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(label):
    claim = "" if label in HOMES else label
    command = command_of(room_of_claim(label).label if claim else label, claim)
    with tempfile.TemporaryDirectory() as folder:
        words = [
            sys.executable,
            "-m",
            "cgro_theory",
            *command.split()[1:],
            "--out",
            folder,
            "--quiet",
        ]
        before, started, peak = processor_seconds(), time.monotonic(), 0
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):
                peak = max(peak, shares(psutil.Process(process.pid)))
            time.sleep(0.5)
        return {
            "exit_code": process.returncode,
            "seconds": round(time.monotonic() - started, 1),
            "processor_seconds": round(processor_seconds() - before, 1),
            "peak_mib": round(peak / 2**20),
            "disk_mib": round(size_of(folder) / 2**20, 1),
            "load": round(os.getloadavg()[0], 1),
            "date": datetime.date.today().isoformat(),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="*", help="theorems and claims; all of both by default")
    parser.add_argument("--record", type=Path, default=RECORD)
    chosen = parser.parse_args()
    every = HOMES + [claim.label for room in ROOMS for claim in room.claims]
    unknown = [label for label in chosen.labels if label not in every]
    if unknown:
        parser.error(f"no theorem and no claim: {', '.join(unknown)}")
    document = {"schema": SCHEMA, "commands": {}}
    if chosen.record.exists():
        document = json.loads(chosen.record.read_text(encoding="utf-8"))
    document["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    document["environment_mib"] = round(size_of(sys.prefix) / 2**20)
    failed = False
    for label in chosen.labels or every:
        found = measured(label)
        print(label, found, flush=True)
        failed |= found["exit_code"] != 0
        document["commands"][label] = found
        chosen.record.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    sys.exit(failed)


if __name__ == "__main__":
    main()
