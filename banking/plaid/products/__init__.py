"""Plaid's responses about the products that come on top of transactions: liabilities and recurring transactions."""
