"""One room per theorem, all alike: statement, prediction, measurement. ``catalogue`` lists them."""
