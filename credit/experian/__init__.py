"""Experian as a credit bureau. Its field names, codes and errors stay in this package."""
