"""Recognize accounts that are one real account stored under several ids, and decide which of them counts.

A bank that is connected again gives the same accounts new ids, and so does a bank that changes its systems. The newest
account that is synced well becomes the ``successor`` of the others; no row moves to another account, and none is
deleted, because the stream of a former account may continue. One rule decides which rows count, and its result is
written into them whenever rows are stored: a transaction of an account counts if it was posted before the first day of
every account that is synced now or was synced later, and a balance counts if it is older than the first balance of the
accounts that take precedence.

Two accounts of one user at one bank are the same real account, unless one list of the bank has contained both,

- if both have the same persistent id. If both have one and these differ, they are never the same;
- or if they have the same name, type, subtype and currency, and the same rows: of the days that both cover, at least
  three rows, and at least three quarters of the rows of the account with fewer. If fewer than half agree, they are two
  accounts;
- or, if there are too few rows to decide, if they also have the same last digits, no other account of either connection
  has these, and at least one of these is true: the older account is not synced any more; both had the same balance on
  one day, and not zero; another account of the same two connections was matched by its id or its rows; they were
  matched before.

Name and digits alone are not enough while both are synced: two members of a household may use the same bank.

``bank_accounts`` finds the candidates, ``matching`` compares them, ``precedence`` orders them, and ``succession``
stores the result. What the person set on one of them is then set on all (``shared_settings``).
"""
