"""How many files a reader opens to follow a claim: those of its theorem with code that its check reaches.

    python benchmarks/files_per_claim.py

From the check each function and class that it names is followed, through the claim's own theorem and the theorems
that it builds on, at any depth. Not counted: the shared vocabulary (`cgro_theory/claims`, `numerics`, `setting`,
`trainer`, `vision`) and how the runs are made, of which the file is named that begins them.
"""

import argparse
import functools
import inspect
import types

from cgro_theory.theorems.catalogue import checked_claim, room_of_claim

LABELS = (
    "theorem_1.first_memorization_time",
    "theorem_1.phase_boundary",
    "theorem_2.robust_lower_bound",
    "theorem_3.flatness_bound",
    "questions.exponent_plane",
)
COMMON = ("cgro_theory.theorems.checked_claim", "cgro_theory.theorems.room", "cgro_theory.theorems.worker_pool")


def names_in(code):
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_in(constant)


def reached_from(start):
    """The modules of theorems that hold what ``start`` reaches."""
    modules, seen, waiting = set(), set(), [start]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, functools.partial):
            waiting += [thing.func, *thing.args, *thing.keywords.values()]
            continue
        thing = inspect.unwrap(thing) if callable(thing) else thing
        module = getattr(thing, "__module__", None) or ""
        if not module.startswith("cgro_theory.theorems."):
            continue
        if module in COMMON:  # a claim of a part of the runs wraps its check
            waiting += [cell.cell_contents for cell in getattr(thing, "__closure__", None) or ()]
            continue
        modules.add(module)
        if isinstance(thing, type):
            waiting += [each for each in vars(thing).values() if isinstance(each, types.FunctionType)]
            waiting += [each.fget for each in vars(thing).values() if isinstance(each, property)]
            waiting += [each.func for each in vars(thing).values() if isinstance(each, functools.cached_property)]
            continue
        if not isinstance(thing, types.FunctionType):
            continue
        waiting += [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
        waiting += [cell.cell_contents for cell in thing.__closure__ or () if callable(cell.cell_contents)]
        for name in set(names_in(thing.__code__)):
            found = thing.__globals__.get(name)
            if isinstance(found, types.ModuleType):
                inside = [vars(found)[each] for each in set(names_in(thing.__code__)) if each in vars(found)]
                waiting += [each for each in inside if callable(each)]
            elif callable(found):
                waiting.append(found)
    return modules


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="*", default=LABELS)
    parser.add_argument("--all", action="store_true", help="every claim")
    options = parser.parse_args()
    from cgro_theory.theorems.catalogue import ROOMS

    labels = [each.label for room in ROOMS for each in room.checked] if options.all else options.labels
    for label in labels:
        modules = reached_from(checked_claim(label).check)
        content = room_of_claim(label).content
        modules.add(getattr(content, "begin", content.gather).__module__)
        short = sorted(module.removeprefix("cgro_theory.theorems.") for module in modules)
        print(f"{label}: {len(short)} files")
        if not options.all:
            print("".join(f"  {each}\n" for each in short), end="")


if __name__ == "__main__":
    main()
