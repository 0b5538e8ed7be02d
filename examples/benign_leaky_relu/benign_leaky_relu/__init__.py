"""Two deterministic bounds for leaky ReLU networks, by other authors, as a plug-in of the CGRO theory lab."""

from cgro_theory.theorems.room import Room

ROOM = Room("benign_leaky_relu", "Benign overfitting in one layer of leaky ReLU", "benign_leaky_relu")
