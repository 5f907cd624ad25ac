"""Recognize accounts that are one real account stored under several ids, and decide which of them counts.

A bank that is connected again gives the same accounts new ids, and so does a bank that changes its systems. The newest
account that is synced well becomes the ``successor`` of the others; nothing moves and nothing is deleted. Every account
keeps its own rows, because its stream may go on. One rule decides what counts, and its result is written into the rows
whenever rows are stored: a transaction of an account counts while it was posted before the first day of every account
that is synced now or was synced later, and a balance while it is older than the first balance of the accounts that take
precedence.

Two accounts of one person at one bank are the same real account, unless one list of the bank has held both,

- when the bank's persistent id of both is the same, and never when both have one and these differ;
- or when name, type, subtype and currency are the same and so are their rows: at least three quarters of the fewer rows
  of the days that both cover, and three at least. Where fewer than half agree, they are two accounts;
- or, where there are too few rows to decide, when besides that they have the same last digits, no other account of
  either connection shares these, and one of these holds: the older one is not synced any more; a balance of one day was
  the same and not zero; another account of the same two connections was matched by its id or its rows; they were
  matched before.

Name and digits alone are not enough while both are synced: two people of one household may bank at one bank.

``bank_accounts`` finds the candidates, ``matching`` compares them, ``precedence`` orders them, and ``succession``
stores the result.
"""
