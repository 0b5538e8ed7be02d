"""Mutation testing: single changes are planted in the code, and the fast tests must notice (docs/mutants.md)."""
