"""What accounts hold: today, by currency, and over time."""
