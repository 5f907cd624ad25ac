"""Read what comes on top of an Item's transactions: the terms of cards and loans, and recurring payments.

A sync ends with the products that are due. Each fails alone: its error is in its ``ItemProduct`` row, and changes
neither the sync before it nor another product.
"""

from banking.sync.products.product_reads import read_due_products

__all__ = ["read_due_products"]
