"""Verify the lemmas: `python verification/lemmas.py [options of cgro verify]`; the exit code is the verdict."""

import sys

from cgro_theory.cli import main

if __name__ == "__main__":
    main(["verify", "lemmas", *sys.argv[1:]])
