"""What changed between two folders of result files: outcomes, intervals to the digits shown, statements, controls.

    python benchmarks/compare_results.py verification/recorded results

Exit code 1 when any claim differs, so that a rebuild can be shown to have kept everything.
"""

import argparse
from pathlib import Path

from cgro_theory.claims import load_result
from cgro_theory.report.text import format_interval
from cgro_theory.theorems.catalogue import ROOMS


def claims_of(folder):
    """label -> entry, over the folder's result file of each theorem; a theorem's own file wins."""
    paths = [Path(folder) / f"{room.label}.json" for room in ROOMS]
    documents = [load_result(path) for path in paths if path.exists()]
    entries = [
        (entry["label"], entry, document["theorem"]) for document in documents for entry in document["claims"]
    ]
    return {label: entry for own in (False, True) for label, entry, theorem in entries
            if label.startswith(f"{theorem}.") is own}  # fmt: skip


def shown(entry):
    """What of a claim must not change silently."""
    controls = ", ".join(f"{fault['name']}: {fault['outcome']}" for fault in entry["planted_faults"])
    return {
        "outcome": entry["outcome"],
        "predicted": format_interval(entry["predicted"]),
        "measured": format_interval(entry["measured"]),
        "runs": str(entry["measured"]["runs"]),
        "statement": entry["statement"],
        "controls": controls,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before")
    parser.add_argument("after")
    options = parser.parse_args()
    before, after = claims_of(options.before), claims_of(options.after)
    differing = 0
    for label in sorted({*before, *after}):
        if label not in before or label not in after:
            differing += 1
            print(f"{label}: only in {options.before if label in before else options.after}")
            continue
        old, new = shown(before[label]), shown(after[label])
        changes = [f"  {name}: {old[name]} -> {new[name]}" for name in old if old[name] != new[name]]
        if changes:
            differing += 1
            print("\n".join([f"{label}:", *changes]))
    print(f"{len(after)} claims, {differing} differ")
    raise SystemExit(differing > 0)


if __name__ == "__main__":
    main()
