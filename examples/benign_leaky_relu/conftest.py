"""Puts the package on the path of its tests, also where it is not installed."""
