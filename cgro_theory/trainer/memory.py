"""What a chunk of runs may work in; apart from :mod:`chunks`, so that sizes can be told without torch."""

WORKING_MEMORY = 2**30
"""Bytes that a chunk of runs may work in on the CPU."""
