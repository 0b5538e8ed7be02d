"""Verify the Gaussian model: `python verification/gaussian_model.py [options]`; the exit code is the verdict."""

import sys

from cgro_theory.cli import main

if __name__ == "__main__":
    main(["verify", "gaussian_model", *sys.argv[1:]])
