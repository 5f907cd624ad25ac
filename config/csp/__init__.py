"""The content security policy, and what browsers report about pages that broke it."""
