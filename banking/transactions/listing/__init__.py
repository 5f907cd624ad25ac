"""The list of transactions: its filters, its pages, and the query strings that name both."""
