"""A claim from another paper: the smallest room, and the template for a new one (docs/adding_a_theorem.md)."""

from cgro_theory.theorems.room import Room

ROOM = Room("gaussian_model", "A claim from another paper", "cgro_theory.theorems.gaussian_model")
