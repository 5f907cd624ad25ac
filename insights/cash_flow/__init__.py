"""Income, spending and runway."""
