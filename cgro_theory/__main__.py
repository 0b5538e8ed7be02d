"""``python -m cgro_theory`` is ``cgro``."""

from cgro_theory.cli import main

main()
