"""One table of every time, ratio and memory of docs/measured.md, beside what was asked and the last recorded one.

    python -m benchmarks [--quick] [--parts flow ...] [--out FILE]

All parts without --quick: the table replaces benchmarks/recorded/table.json, having been compared with it. Rows
more than 1.3 times worse than there are marked. Exit code 0 whatever was missed: the words are in the table.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import math
import os
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import measure

from cgro_theory.atomic_file import atomic_write

RECORDED = Path(__file__).parent / "recorded" / "table.json"
PARTS = ("engines", "peers", "enclosures", "proofs", "certificates", "over_attack", "commands", "sweep")
SLOWER = 1.3


def last_recorded() -> dict | None:
    return json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else None


def compared(row: measure.Row, before: dict | None) -> str:
    """now/then beside the same row of a recorded table."""
    then = {entry["what"]: entry["value"] for entry in before["rows"]}.get(row.what) if before else None
    if not then or not math.isfinite(row.value):
        return ""
    ratio = row.value / then
    worse = ratio < 1.0 / SLOWER if row.at_least else ratio > SLOWER
    return f"now/then {ratio:.2f}{' SLOWER' if worse else ''}"


def loads(here: dict, before: dict | None) -> str:
    then = f"; then ({before['date']}, {before['machine']['cpu']}): {before['machine']['load']}" if before else ""
    return f"load now: {here['load']}{then}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="which parts, all by default")
    parser.add_argument(
        "--quick", action="store_true", help="fewer repetitions, smaller sizes: about 90 s of processor time"
    )
    parser.add_argument("--out", type=Path, default=None, help="where to write the table as JSON")
    options = parser.parse_args()
    here, before = measure.machine(), last_recorded()
    print(", ".join(f"{name} {value}" for name, value in here.items()))
    print(loads(here, before))
    rows = []
    for part in options.parts:
        print(f"-- {part}", flush=True)
        for row in importlib.import_module(part).rows(options.quick):
            rows.append(
                asdict(row)
                | {"part": part, "value": row.value if math.isfinite(row.value) else None, "word": row.word}
            )
            print(measure.text(row), compared(row, before), sep="   ", flush=True)
    missed = [row["what"] for row in rows if row["word"] == "missed"]
    print(
        f"{len(rows)} rows, {len(missed)} missed; {loads(here | {'load': round(os.getloadavg()[0], 1)}, before)}"
    )
    out = options.out or (RECORDED if not options.quick and tuple(options.parts) == PARTS else None)
    if out is not None:
        date = datetime.date.today().isoformat()
        document = {"date": date, "quick": options.quick, "machine": here, "rows": rows}
        with atomic_write(out) as stream:
            stream.write(json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n")
        print(f"written: {out}")


if __name__ == "__main__":
    main()
