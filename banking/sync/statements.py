"""The SQL that stores what a sync downloaded, statement by statement, in the order in which they run.

The statements change rows of ``accounts``, which all belong to one Item, and identify them by (account, provider id),
the unique key. ``incoming`` are the downloaded rows, ``existing`` the stored ones. An unchanged row is not written
again, so an unchanged page creates no row version. Written by hand because COPY and one upsert are at least 2.3 times
as fast as Django's ``bulk_create`` with conflicts (``bench.syncs.ingest``).
"""

from banking.models import USER_COLUMNS

CREATE_STAGING_TABLE = """
CREATE TEMPORARY TABLE staging (
    sequence int, gone bool, provider_id text, id uuid, account_ref text, amount numeric,
    provider_amount numeric, currency text, day date, date date, authorized_date date, name text,
    merchant_name text, pending bool, pending_id text, category text, category_detail text,
    category_confidence text, payment_channel text, original_description text, posted_at timestamptz,
    authorized_at timestamptz, counterparties jsonb
) ON COMMIT DROP
"""

# A stream may name the same transaction twice; only its latest change counts.
CREATE_INCOMING = f"""
CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS
-- The user's own columns, and tags (the rule of each, or false if the user removed it); COPY_USER_FIELDS and rules
-- fill them.
SELECT DISTINCT ON (staging.provider_id) staging.*, account.id AS account_id,
    {", ".join(f"{value} AS {column}" for column, value in USER_COLUMNS.items())}, '{{}}'::jsonb AS tags,
    true AS is_kept,
    -- The stored row in whose place it comes; see COPY_TO_NEW_IDS.
    NULL::uuid AS former,
    -- Older rows were purged, or would be at once; see LEAVE_OUT_PURGED. What the bank had not delivered yet when
    -- they were purged is stored and purged later, so that it is in the totals.
    CASE WHEN account.purged_before IS NOT NULL OR %(kept_since)s::date IS NOT NULL
        THEN least(coalesce(account.purged_before, %(kept_since)s), %(undelivered_since)s) END AS first_day
-- Without an account the row cannot be stored; see UNKNOWN_ACCOUNTS.
FROM staging LEFT JOIN banking_account AS account
  ON account.item_id = %(item)s AND account.owner_id = %(owner)s AND account.provider_id = staging.account_ref
ORDER BY staging.provider_id, sequence DESC
"""  # noqa: S608  (built from constants)

# The statements below join by these indexes: PostgreSQL has no statistics about rows that were just stored, expects one
# row, and would otherwise join 12,000 rows with 12,000 by reading the whole table again for each of them.
INDEX_INCOMING = (
    "CREATE UNIQUE INDEX ON incoming (provider_id)",
    "CREATE INDEX ON incoming (pending_id) WHERE pending_id <> ''",
    "ANALYZE incoming (provider_id, pending_id, account_id)",
)

# The person has removed these accounts; of the statements below, only MOVE_BETWEEN_ACCOUNTS touches what was kept of
# them. As for the others, their rows are gone: one may have been on another account before.
LEAVE_OUT_REMOVED_ACCOUNTS = "UPDATE incoming SET gone = true WHERE account_id = ANY (%(removed)s)"

HAS_TRANSACTIONS = """
SELECT EXISTS (SELECT FROM banking_transaction WHERE account_id = ANY (%(accounts)s::uuid[] || %(removed)s::uuid[]))
"""

PROVIDER_COLUMNS = (
    *("amount", "provider_amount", "currency", "day", "date", "authorized_date", "name", "merchant_name"),
    *("pending", "pending_id", "category", "category_detail", "category_confidence", "payment_channel"),
    *("original_description", "posted_at", "authorized_at", "counterparties"),
)


def qualified_columns(alias: str) -> str:
    """The columns that a provider writes, qualified by a table alias."""
    return ", ".join(f"{alias}.{column}" for column in PROVIDER_COLUMNS)


def qualified_user_columns(alias: str) -> str:
    """The columns that belong to the user, qualified by a table alias."""
    return ", ".join(f"{alias}.{column}" for column in USER_COLUMNS)


# After a download of the whole stream, a stored row that it did not contain no longer exists at the bank, as if the
# stream had removed it. The stream has no rows of an account that the bank does not list any more, so the rows of such
# an account stay. Parts that a person made of a row are in no stream.
ADD_MISSING = """
INSERT INTO incoming (gone, provider_id, account_id, is_kept)
SELECT DISTINCT ON (existing.provider_id) true, existing.provider_id, existing.account_id, true
FROM banking_transaction AS existing
WHERE existing.account_id = ANY (%(listed)s) AND existing.day >= %(since)s
  AND (existing.removed_at IS NULL OR existing.replaced_by <> '') AND existing.part_of IS NULL
  AND NOT EXISTS (SELECT FROM incoming WHERE incoming.provider_id = existing.provider_id)
ORDER BY existing.provider_id
"""

# A transaction that appears on another account of the Item is still the same one, with all that the user set on it.
# So is one of an account that the user has removed and whose history was kept: it would count twice.
# ``account_matching`` decides again whether another account's row replaces it there.
MOVE_BETWEEN_ACCOUNTS = """
UPDATE banking_transaction AS existing
SET account_id = incoming.account_id,
    removed_at = CASE WHEN existing.replaced_by <> 'successor' THEN existing.removed_at END,
    replaced_by = CASE WHEN existing.replaced_by <> 'successor' THEN existing.replaced_by ELSE '' END
FROM incoming
-- The same transaction on another account of the Item.
WHERE NOT incoming.gone AND existing.account_id = ANY (%(accounts)s::uuid[] || %(removed)s::uuid[])
  AND existing.account_id <> incoming.account_id
  AND existing.provider_id = incoming.provider_id
  -- Unless the other account has it already; MARK_REMOVED then removes this copy.
  AND NOT EXISTS (
    SELECT FROM banking_transaction AS moved
    WHERE moved.account_id = ANY (%(accounts)s) AND moved.account_id = incoming.account_id
      AND moved.provider_id = incoming.provider_id)
"""

# Before the user's words are copied: whoever edits one of these rows now waits for the sync, and then learns that
# another row replaced it. Otherwise what they save between the copy and the replacement would be lost.
LOCK_REPLACED = (
    """
    SELECT FROM incoming JOIN banking_transaction AS stored
        ON stored.account_id = ANY (%(accounts)s) AND stored.provider_id = incoming.provider_id
    WHERE incoming.gone AND stored.removed_at IS NULL
    FOR NO KEY UPDATE OF stored
    """,
    """
    SELECT FROM incoming JOIN banking_transaction AS pending
        ON pending.account_id = ANY (%(accounts)s) AND pending.provider_id = incoming.pending_id
    WHERE incoming.pending_id <> '' AND NOT incoming.pending AND pending.pending AND pending.removed_at IS NULL
    FOR NO KEY UPDATE OF pending
    """,
)

# The user's fields and tags of a pending row are copied to the posted row that replaces it, once, when that row
# arrives: UPSERT writes these columns of new rows only, so what the user later deletes from the posted row stays
# deleted. They are written to ``incoming``, because writing to the stored rows would create a second version of each:
# 0.37 s instead of 0.55 for 24,000 rows.
COPY_USER_FIELDS = f"""
-- Read once: a subquery for each row could read all tags again.
WITH tagged AS MATERIALIZED (
    SELECT given.transaction AS id,
        jsonb_object_agg(given.tag_id, CASE WHEN is_removed THEN 'false' ELSE to_jsonb(given.rule) END) AS tags
    FROM banking_transactiontag AS given WHERE given.owner_id = %(owner)s GROUP BY given.transaction
), pending AS (
    SELECT stored.provider_id, {qualified_user_columns("stored")}, coalesce(tagged.tags, '{{}}') AS tags
    FROM banking_transaction AS stored LEFT JOIN tagged ON tagged.id = stored.id
    WHERE stored.account_id = ANY (%(accounts)s)
      AND (({qualified_user_columns("stored")}) IS DISTINCT FROM ({", ".join(USER_COLUMNS.values())})
        OR tagged.id IS NOT NULL)
)
UPDATE incoming SET ({", ".join(USER_COLUMNS)}, tags) = ({qualified_user_columns("pending")}, pending.tags)
FROM pending
WHERE incoming.pending_id <> '' AND pending.provider_id = incoming.pending_id
"""  # noqa: S608  (built from constants)

# A bank that changes its systems gives accounts and rows new ids: the stream removes each row and adds it again, on the
# same real account with the same day, amount and name. What the user set on it goes along, as from a pending row, and
# so do its parts (MOVE_PARTS). Equal rows are found by one sort: PostgreSQL would compare each removed row with each
# added one. After COPY_USER_FIELDS: what the user wrote on the removed row is newer than what the pending one had.
COPY_TO_NEW_IDS = f"""
WITH tagged AS MATERIALIZED (
    SELECT given.transaction AS id,
        jsonb_object_agg(given.tag_id, CASE WHEN is_removed THEN 'false' ELSE to_jsonb(given.rule) END) AS tags
    FROM banking_transactiontag AS given WHERE given.owner_id = %(owner)s GROUP BY given.transaction
), real_account AS MATERIALIZED (
    -- A persistent id is compared with another one only: the bank may begin to send them together with the new ids.
    SELECT id, CASE WHEN bool_or(persistent_id = '') OVER (PARTITION BY description) THEN description
        ELSE persistent_id END AS label
    FROM (
        SELECT id, persistent_id, concat_ws(' ', name, mask, type, subtype, currency) AS description
        FROM banking_account WHERE id = ANY (%(accounts)s)
    ) AS described
), side AS (
    -- Rows that count until the bank removes them now, without those whose posted row arrives.
    SELECT NULL AS provider_id, stored.id, false AS is_new, real.label, stored.date, stored.amount, stored.name,
        {qualified_user_columns("stored")}, coalesce(tagged.tags, '{{}}') AS tags,
        ({qualified_user_columns("stored")}) IS DISTINCT FROM ({", ".join(USER_COLUMNS.values())})
            OR tagged.id IS NOT NULL OR stored.id IN (
                SELECT part_of FROM banking_transaction WHERE owner_id = %(owner)s AND part_of IS NOT NULL) AS has_any,
        row_number() OVER (
            PARTITION BY label, stored.date, stored.amount, stored.name ORDER BY stored.pending, stored.id) AS place
    FROM incoming JOIN banking_transaction AS stored
        ON stored.account_id = ANY (%(accounts)s) AND stored.provider_id = incoming.provider_id
    LEFT JOIN tagged ON tagged.id = stored.id
    -- A subquery, because a join could read all rows once for each account.
    CROSS JOIN LATERAL (SELECT (SELECT label FROM real_account WHERE id = stored.account_id)) AS real (label)
    WHERE incoming.gone AND (stored.removed_at IS NULL OR stored.replaced_by = 'split')
        AND NOT EXISTS (
            SELECT FROM incoming AS posted
            WHERE posted.pending_id = stored.provider_id AND posted.pending_id <> '' AND NOT posted.gone)
    UNION ALL
    -- Rows that are not stored yet, without the posted rows of pending ones that counted until now, and without pending
    -- rows whose posted row arrives.
    SELECT added.provider_id, NULL, true, real.label, added.date, added.amount, added.name,
        {qualified_user_columns("added")}, added.tags,
        ({qualified_user_columns("added")}) IS DISTINCT FROM ({", ".join(USER_COLUMNS.values())})
            OR added.tags <> '{{}}' AS has_any,
        row_number() OVER (
            PARTITION BY label, added.date, added.amount, added.name ORDER BY added.pending, added.sequence)
    FROM incoming AS added
    CROSS JOIN LATERAL (SELECT (SELECT label FROM real_account WHERE id = added.account_id)) AS real (label)
    WHERE NOT added.gone
        AND NOT EXISTS (
            SELECT FROM banking_transaction AS stored
            WHERE stored.account_id = ANY (%(accounts)s) AND stored.provider_id = added.provider_id)
        AND NOT EXISTS (
            SELECT FROM banking_transaction AS pending
            WHERE pending.account_id = ANY (%(accounts)s) AND pending.provider_id = added.pending_id
                AND added.pending_id <> '' AND (pending.removed_at IS NULL OR pending.replaced_by = 'split'))
        AND NOT EXISTS (
            SELECT FROM incoming AS posted
            WHERE posted.pending_id = added.provider_id AND posted.pending_id <> '' AND NOT posted.gone
                AND NOT posted.pending AND added.pending)
), equal AS (
    SELECT provider_id, is_new, bool_or(has_any) OVER equals AS has_any, first_value(tags) OVER equals AS tags,
        first_value(id) OVER equals AS former,
        {", ".join(f"first_value({column}) OVER equals AS {column}" for column in USER_COLUMNS)}
    FROM side
    -- The n-th of equal rows is added again as the n-th, posted ones first.
    WINDOW equals AS (PARTITION BY label, date, amount, name, place ORDER BY is_new
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
UPDATE incoming
SET ({", ".join(USER_COLUMNS)}, tags, former) = ({qualified_user_columns("equal")}, equal.tags, equal.former)
FROM equal WHERE incoming.provider_id = equal.provider_id AND equal.is_new AND equal.has_any
"""  # noqa: S608  (built from constants)

# After UPSERT. A new row has the id that it came with, and a known one has another.
STORE_TAGS = """
WITH given AS MATERIALIZED (
    SELECT incoming.id, tag.key::uuid AS tag_id, nullif(tag.value, 'false')::uuid AS rule,
        tag.value IS NOT DISTINCT FROM 'false' AS is_removed
    FROM incoming CROSS JOIN jsonb_each_text(incoming.tags) AS tag WHERE incoming.tags <> '{}'
)
INSERT INTO banking_transactiontag (id, owner_id, transaction, tag_id, rule, is_removed)
SELECT gen_random_uuid(), %(owner)s, stored.id, tag.id, given.rule, given.is_removed
FROM given JOIN banking_transaction AS stored ON stored.account_id = ANY (%(accounts)s) AND stored.id = given.id
JOIN banking_tag AS tag ON tag.owner_id = %(owner)s AND tag.id = given.tag_id
"""

# After UPSERT: the parts of a removed row are those of the one that comes in its place. Few rows have a former one.
MOVE_PARTS = """
WITH moved AS MATERIALIZED (SELECT id, former FROM incoming WHERE former IS NOT NULL AND is_kept)
UPDATE banking_transaction AS part SET part_of = moved.id
FROM moved
WHERE part.owner_id = %(owner)s AND part.part_of IS NOT NULL AND part.part_of = moved.former
"""

# Of days that were purged, a row is not stored again. It is updated if it is stored, and stored if it is the posted row
# of a pending one that is. A pending row goes with its posted one, which replaces it.
LEAVE_OUT_PURGED = (
    """
    UPDATE incoming SET is_kept = false
    WHERE day < first_day
        AND NOT EXISTS (
            SELECT FROM banking_transaction AS stored
            WHERE stored.account_id = ANY (%(accounts)s) AND stored.account_id = incoming.account_id
                AND stored.provider_id = incoming.provider_id)
        AND NOT EXISTS (
            SELECT FROM banking_transaction AS pending
            WHERE pending.account_id = ANY (%(accounts)s) AND pending.account_id = incoming.account_id
                AND pending.provider_id = incoming.pending_id
                AND incoming.pending_id <> ''
                -- Written so that the index of all pending rows, which PostgreSQL takes to be small, does not serve it.
                AND CASE WHEN pending.removed_at IS NULL OR pending.replaced_by = 'split'
                    THEN pending.pending ELSE false END)
    """,
    """
    UPDATE incoming SET is_kept = false
    FROM incoming AS posted
    WHERE posted.pending_id = incoming.provider_id AND posted.pending_id <> ''
        AND NOT posted.is_kept AND NOT posted.pending AND incoming.pending
        AND NOT EXISTS (
            SELECT FROM banking_transaction AS stored
            WHERE stored.account_id = ANY (%(accounts)s) AND stored.account_id = incoming.account_id
                AND stored.provider_id = incoming.provider_id)
    """,
)

# Rows of accounts that the bank lists. For accounts that have none yet: a twentieth faster than UPSERT.
INSERT = f"""
INSERT INTO banking_transaction AS existing
    (id, owner_id, account_id, provider_id, {", ".join((*PROVIDER_COLUMNS, *USER_COLUMNS))}, replaced_by)
SELECT incoming.id, %(owner)s, incoming.account_id, incoming.provider_id, {qualified_columns("incoming")},
    {qualified_user_columns("incoming")}, ''
FROM incoming WHERE NOT incoming.gone AND incoming.account_id IS NOT NULL AND incoming.is_kept
ORDER BY incoming.day
"""  # noqa: S608  (built from the constants above)

# A row that was replaced by another one stays replaced, even if the bank changes it. Other statements end that,
# such as REPLACE_PENDING, and REPLACE_BY_SUCCESSOR of ``account_matching``.
UPSERT = f"""
WITH written AS (
{INSERT}
-- A known row takes over the provider's columns alone, and is active again unless another row replaced it.
ON CONFLICT (account_id, provider_id) DO UPDATE
SET ({", ".join(PROVIDER_COLUMNS)}, removed_at) = (
    {qualified_columns("excluded")}, CASE WHEN existing.replaced_by = '' THEN NULL ELSE existing.removed_at END)
-- Nothing is written where nothing changed.
WHERE ({qualified_columns("existing")}, existing.removed_at IS NULL OR existing.replaced_by <> '')
    IS DISTINCT FROM ({qualified_columns("excluded")}, true)
-- PostgreSQL sets xmax of a row that was there, because it locks it.
RETURNING existing.xmax = 0 AS is_new
)
SELECT count(*), count(*) FILTER (WHERE is_new) FROM written
"""  # noqa: S608  (built from the constants above)

# Rows that the bank removed, and second copies of rows that are on another account now.
MARK_REMOVED = """
UPDATE banking_transaction AS existing SET removed_at = now(), replaced_by = ''
FROM incoming
WHERE (incoming.gone OR existing.account_id <> incoming.account_id)
  AND existing.account_id = ANY (%(accounts)s) AND existing.provider_id = incoming.provider_id
  AND (existing.removed_at IS NULL OR existing.replaced_by <> '')
"""

POSTED_ROW = """
posted.account_id = ANY (%(accounts)s) AND posted.pending_id = existing.provider_id
    AND posted.pending_id <> '' AND NOT posted.pending AND (posted.removed_at IS NULL OR posted.replaced_by <> '')
"""

# A posted row replaces the pending row that it names as soon as it arrives: the bank removes the pending one later, or
# never. If the posted row is removed, the pending one counts again. Both statements read the partial index of exactly
# these rows. They are two, because an EXISTS inside an expression is looked up for each row: with outdated statistics
# 12,000 rows took 28 s, and these take 0.1.
REPLACE_PENDING = (
    f"""
    UPDATE banking_transaction AS existing SET removed_at = now(), replaced_by = 'posted'
    FROM banking_transaction AS posted
    WHERE existing.account_id = ANY (%(accounts)s) AND existing.pending AND existing.removed_at IS NULL
      AND {POSTED_ROW}
    """,  # noqa: S608  (built from constants)
    f"""
    UPDATE banking_transaction AS existing SET removed_at = NULL, replaced_by = ''
    WHERE existing.account_id = ANY (%(accounts)s) AND existing.replaced_by = 'posted'
      AND NOT EXISTS (SELECT FROM banking_transaction AS posted WHERE existing.pending AND {POSTED_ROW})
    """,  # noqa: S608
)

UNKNOWN_ACCOUNTS = "SELECT count(*) FROM incoming WHERE NOT gone AND account_id IS NULL"
