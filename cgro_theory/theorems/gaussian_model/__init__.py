"""A claim from another paper: the smallest room, and the template for a new one (docs/adding_a_theorem.md)."""
