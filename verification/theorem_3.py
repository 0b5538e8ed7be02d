"""Verify theorem 3: `python verification/theorem_3.py [options of cgro verify]`; the exit code is the verdict."""

import sys

from cgro_theory.cli import main

if __name__ == "__main__":
    main(["verify", "theorem_3", *sys.argv[1:]])
