"""What the command line does, one module per command; imported only when that command runs."""
