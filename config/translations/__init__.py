"""Translations of the site's sentences: message catalogs and their checks. Decision 0020 has the rules."""
