"""The compact trainer: a dense oracle, an exact subspace engine, gradient descent, recorded trajectories."""
