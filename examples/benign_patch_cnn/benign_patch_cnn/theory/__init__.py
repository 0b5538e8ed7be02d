"""What the race of signal and noise predicts: numpy only, nothing is trained."""
