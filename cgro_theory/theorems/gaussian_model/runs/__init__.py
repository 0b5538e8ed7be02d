"""The sets of runs that the claims look at."""
