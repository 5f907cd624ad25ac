"""Credit report data beside bank data, and the score history."""
