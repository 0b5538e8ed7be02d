"""Real images: data sets from files, small classifiers, PGD training, and measures of the loss landscape."""
