"""Verify theorem 2: `python verification/theorem_2.py [options of cgro verify]`; the exit code is the verdict."""

import sys

from cgro_theory.cli import main

if __name__ == "__main__":
    main(["verify", "theorem_2", *sys.argv[1:]])
