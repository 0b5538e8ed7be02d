"""Eleven questions that readers of the paper asked (theory.md 5), each answered by an experiment."""
