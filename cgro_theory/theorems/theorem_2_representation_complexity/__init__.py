"""Theorem 2: a CGRO classifier needs O(ND) parameters, a robust one exponentially many in D."""
