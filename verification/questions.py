"""Answer the questions: `python verification/questions.py [options of cgro verify]`; exits with the verdict."""

import sys

from cgro_theory.cli import main

if __name__ == "__main__":
    main(["verify", "questions", *sys.argv[1:]])
