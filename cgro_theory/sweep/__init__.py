"""Grids of runs: which runs a grid asks for, who runs them, and a store that outlives whoever did."""
