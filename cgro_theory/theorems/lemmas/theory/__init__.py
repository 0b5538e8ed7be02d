"""What the theorem predicts: numpy, scipy and flint only."""
