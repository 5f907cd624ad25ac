"""What came in and went out, and how long the rest lasts."""
