"""Seeds of independent samples: one integer from a base seed and everything that tells two samples apart."""

from __future__ import annotations

import hashlib

import numpy as np

from cgro_theory.errors import require_integer

SeedPart = int | float | str
"""What may tell two samples apart: a label, a size, a parameter, an index."""


def derived_seed(base: int, *parts: SeedPart) -> int:
    """A seed in [0, 2^63) that depends on ``base`` >= 0 and on every one of ``parts``, in order.

    The parts, written out with their types, are hashed (SHA-256), and numpy's ``SeedSequence`` mixes the hash with
    the base seed. Two samples that differ in any part, or in the base seed, share no seed but by a collision of 63
    bits; ``base + i`` would give base seeds 0 and 1 all runs but one in common (docs: theory.md, section 11).

    >>> derived_seed(0, "theorem_1.main", 10**6, 0) == derived_seed(0, "theorem_1.main", 10**6, 0)
    True
    >>> len({derived_seed(base, "a", index) for base in range(10) for index in range(10)})
    100
    """
    require_integer("seed", base, 0)
    written = "\x1f".join(f"{type(part).__name__}:{part!r}" for part in parts)
    digest = hashlib.sha256(written.encode()).digest()
    words = [int.from_bytes(digest[start : start + 4], "little") for start in range(0, 32, 4)]
    state = np.random.SeedSequence([base, *words]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def run_seeds(base: int, runs: int) -> tuple[int, ...]:
    """The seeds of a batch of ``runs`` networks: the first is ``base`` itself, the others derive from it.

    So a batch of one starts from the draw of its seed, and any run can be done again alone by its own seed.
    Derived seeds are below 2^53, which JSON readers and tables keep exactly. Two bases share no run but by a
    collision, or where one of them is the seed of a run of the other.

    >>> run_seeds(7, 1), run_seeds(7, 3)[:2] == run_seeds(7, 2)
    ((7,), True)
    >>> len({seed for base in range(10) for seed in run_seeds(base, 8)})
    80
    """
    return (base, *(derived_seed(base, "run of a batch", index) >> 10 for index in range(1, runs)))


def derived_seeds(base: int, count: int, *parts: SeedPart) -> tuple[int, ...]:
    """``count`` seeds, the index being the last part of each."""
    return tuple(derived_seed(base, *parts, index) for index in range(count))
