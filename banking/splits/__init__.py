"""A person splits a transaction into parts, each with its own amount, category, tags and note.

The parts are rows of their own, and add up to the transaction's amount exactly. Either they count or the whole does,
which is then marked as replaced by them; so lists, totals, files and charts need to know nothing of splits.

``splitting`` stores and deletes parts at a person's request, and ``settling`` lets them follow what the bank does to
the whole.
"""
