"""What a reading's rows do to the ledger, statement by statement, in the order in which they run.

They touch the rows of ``accounts``, which are all of one Item's, and name them by (account, provider's id), the unique
key. A row that says nothing new is not written again, so an unchanged page costs no row version.
"""

STAGE = """
CREATE TEMPORARY TABLE stage (
    sequence int, gone bool, provider_id text, id uuid, account_ref text, amount numeric,
    provider_amount numeric, currency text, day date, date date, authorized_date date, name text,
    merchant_name text, pending bool, pending_id text, category text, category_detail text,
    category_confidence text, payment_channel text
) ON COMMIT DROP
"""

# A stream may speak of the same transaction twice; only its last word counts. The indexes are what statements below
# join by: PostgreSQL knows nothing about rows that were stored a moment ago, guesses that there is one of them, and
# would compare 12,000 with 12,000 by reading the stage again for each. The last columns are what a person wrote.
WORDS = (
    """
    CREATE TEMPORARY TABLE word ON COMMIT DROP AS
    SELECT DISTINCT ON (stage.provider_id) stage.*, account.id AS account_id,
        '' AS user_category, '' AS note, false AS hidden
    FROM stage LEFT JOIN banking_account AS account
      ON account.item_id = %(item)s AND account.owner_id = %(owner)s AND account.provider_id = stage.account_ref
    ORDER BY stage.provider_id, sequence DESC
    """,
    "CREATE UNIQUE INDEX ON word (provider_id)",
    "CREATE INDEX ON word (pending_id) WHERE pending_id <> ''",
    "ANALYZE word (provider_id, pending_id, account_id)",
)

HAS_ROWS = "SELECT EXISTS (SELECT FROM banking_transaction WHERE account_id = ANY (%(accounts)s))"

FACTS = (
    *("amount", "provider_amount", "currency", "day", "date", "authorized_date", "name", "merchant_name"),
    *("pending", "pending_id", "category", "category_detail", "category_confidence", "payment_channel"),
)


def facts_of(alias: str) -> str:
    """The columns that a provider writes, as one table of a statement names them."""
    return ", ".join(f"{alias}.{fact}" for fact in FACTS)


# A transaction that turns up on another account of the Item is the same one still, with all that a person wrote on it.
# Whether another one stands for it there, ``succession`` says anew.
MOVE = """
UPDATE banking_transaction AS known
SET account_id = word.account_id,
    removed_at = CASE WHEN known.replaced_by <> 'successor' THEN known.removed_at END,
    replaced_by = CASE WHEN known.replaced_by <> 'successor' THEN known.replaced_by ELSE '' END
FROM word
WHERE NOT word.gone AND known.account_id = ANY (%(accounts)s) AND known.account_id <> word.account_id
  AND known.provider_id = word.provider_id
  AND NOT EXISTS (
    SELECT FROM banking_transaction AS there
    WHERE there.account_id = word.account_id AND there.provider_id = word.provider_id)
"""

# What a person wrote on a pending row belongs to the posted row that replaces it; once, when that row comes, since
# UPSERT gives it to new rows alone. What they take back from the posted row later stays taken back. (Written on words,
# and not on the rows that they become, it costs no second version of each: 0.37 s instead of 0.55 for 24,000.)
CARRY_OVER = """
UPDATE word SET user_category = was.user_category, note = was.note, hidden = was.hidden
FROM banking_transaction AS was
WHERE word.pending_id <> '' AND was.account_id = ANY (%(accounts)s) AND was.provider_id = word.pending_id
  AND (was.user_category, was.note, was.hidden) <> ('', '', false)
"""

# A row that another one replaced stays replaced, whatever else the bank says of it; see ``replace`` for when it ends.
UPSERT = f"""
INSERT INTO banking_transaction AS known
    (id, owner_id, account_id, provider_id, {", ".join(FACTS)}, user_category, note, hidden, replaced_by)
SELECT word.id, %(owner)s, word.account_id, word.provider_id, {facts_of("word")},
    word.user_category, word.note, word.hidden, ''
FROM word WHERE NOT word.gone AND word.account_id IS NOT NULL
ORDER BY word.day
ON CONFLICT (account_id, provider_id) DO UPDATE
SET ({", ".join(FACTS)}, removed_at) = (
    {facts_of("excluded")}, CASE WHEN known.replaced_by = '' THEN NULL ELSE known.removed_at END)
WHERE ({facts_of("known")}, known.removed_at IS NULL OR known.replaced_by <> '')
    IS DISTINCT FROM ({facts_of("excluded")}, true)
"""  # noqa: S608  (built from the constants above)

# What the bank takes back; and a second copy of what stands on another account now.
WITHDRAW = """
UPDATE banking_transaction AS known SET removed_at = now(), replaced_by = ''
FROM word
WHERE (word.gone OR known.account_id <> word.account_id)
  AND known.account_id = ANY (%(accounts)s) AND known.provider_id = word.provider_id
  AND (known.removed_at IS NULL OR known.replaced_by <> '')
"""

# After a stream that was read again from its beginning, a row that it did not name is gone at the bank. Of an account
# that left the roster the stream does not speak any more, so that its rows stay.
RECONCILE = """
UPDATE banking_transaction AS known SET removed_at = now(), replaced_by = ''
WHERE known.account_id = ANY (%(listed)s) AND known.day >= %(since)s
  AND (known.removed_at IS NULL OR known.replaced_by <> '')
  AND NOT EXISTS (SELECT FROM word WHERE word.provider_id = known.provider_id)
"""

# A posted row replaces the pending row that it names as soon as it is here: the bank takes the pending one back later,
# or never. Where the posted row goes, the pending one stands again.
REPLACE = """
UPDATE banking_transaction AS known
SET removed_at = CASE WHEN found.is_posted THEN now() END,
    replaced_by = CASE WHEN found.is_posted THEN 'posted' ELSE '' END
FROM (
    SELECT was.id, was.pending AND EXISTS (
        SELECT FROM banking_transaction AS posted
        WHERE posted.account_id = ANY (%(accounts)s) AND posted.pending_id = was.provider_id AND posted.pending_id <> ''
          AND NOT posted.pending AND (posted.removed_at IS NULL OR posted.replaced_by <> '')
    ) AS is_posted
    FROM banking_transaction AS was
    WHERE was.account_id = ANY (%(accounts)s)
      AND (was.pending AND was.removed_at IS NULL OR was.replaced_by = 'posted')
) AS found
WHERE known.id = found.id AND found.is_posted <> (known.replaced_by = 'posted')
"""

STRANGERS = "SELECT count(*) FROM word WHERE NOT gone AND account_id IS NULL"
