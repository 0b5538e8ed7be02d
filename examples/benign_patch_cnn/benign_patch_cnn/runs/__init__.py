"""Trained networks on either side of the boundary."""
