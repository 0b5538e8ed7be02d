"""What a chunk of runs may work in and how its neurons lie, told without torch or numba."""

WORKING_MEMORY = 2**30
"""Bytes that a chunk of runs may work in on the CPU."""
NEURON_BLOCK = 8
"""Neurons are padded to a multiple of this many: 64 bytes of float64, 32 of float32."""
