"""Formats amounts, counts, percentages and dates for a locale, with CLDR's data from Babel. No other code does."""
