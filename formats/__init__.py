"""The one place that writes amounts, counts, shares and dates: as CLDR has them for a language, read through Babel."""
