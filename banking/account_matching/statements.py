"""The SQL of account matching."""

from typing import Final

from banking.models import USER_COLUMNS

# Of the days that both accounts cover, the latest this many are compared.
COMPARED_DAYS: Final = 90

# Posted rows that the bank has not removed, whether they count or other rows replaced them.
POSTED_ROWS: Final = (
    "NOT transaction.pending AND (transaction.removed_at IS NULL OR transaction.replaced_by <> '') "
    "AND transaction.part_of IS NULL"
)

# How many posted rows each of two accounts has in the latest days that both cover, and how many of these are equal.
EQUAL_ROWS: Final = f"""
-- The rows of both accounts, read once.
WITH posted AS MATERIALIZED (
    SELECT account_id, date, amount FROM banking_transaction AS transaction
    WHERE owner_id = %(owner)s AND account_id = ANY (%(pair)s) AND {POSTED_ROWS}
-- The days that both cover; no row if one of them has none.
), span AS (
    SELECT max(first) AS since, min(last) AS until
    FROM (SELECT min(date) AS first, max(date) AS last FROM posted GROUP BY account_id) AS covered
    HAVING count(*) = 2
-- How often each has every day and amount.
), equal AS (
    SELECT count(*) FILTER (WHERE account_id = %(first)s) AS first_count,
        count(*) FILTER (WHERE account_id = %(second)s) AS second_count
    FROM posted, span
    WHERE date BETWEEN greatest(since, until - {COMPARED_DAYS}) AND until
    GROUP BY date, amount
)
SELECT coalesce(sum(first_count), 0), coalesce(sum(second_count), 0),
    coalesce(sum(least(first_count, second_count)), 0)
FROM equal
"""  # noqa: S608  (built from constants)

SAME_BALANCE: Final = """
SELECT EXISTS (
    SELECT FROM banking_balancesnapshot AS first_balance
    JOIN banking_balancesnapshot AS second_balance USING (day, current)
    WHERE first_balance.account_id = %(first)s AND second_balance.account_id = %(second)s AND current <> 0)
"""

# The first day of each account's transactions, those that were purged included, and of its balances.
FIRST_DAYS: Final = """
SELECT account.id, least(account.purged_since, (
    SELECT min(date) FROM banking_transaction AS transaction
    WHERE transaction.account_id = account.id AND (transaction.removed_at IS NULL OR transaction.replaced_by <> '')
)), (SELECT min(day) FROM banking_balancesnapshot AS balance WHERE balance.account_id = account.id)
FROM banking_account AS account WHERE account.owner_id = %(owner)s AND account.id = ANY (%(accounts)s)
"""

# Accounts of one connection that the bank has listed at once: both open now, both updated last by one sync, or both
# listed on more than one day. On the day on which an account gets a new id, both ids are listed for one account.
LISTED_TOGETHER: Final = """
SELECT one.id, other.id
FROM banking_account AS one JOIN banking_account AS other ON other.item_id = one.item_id AND other.id > one.id
WHERE one.id = ANY (%(accounts)s) AND other.id = ANY (%(accounts)s) AND (
    one.closed_at IS NULL AND other.closed_at IS NULL OR one.balance_as_of = other.balance_as_of
    OR (SELECT count(*) FROM (
        SELECT one_day.day FROM banking_balancesnapshot AS one_day
        JOIN banking_balancesnapshot AS other_day ON other_day.day = one_day.day AND other_day.account_id = other.id
        WHERE one_day.account_id = one.id LIMIT 2) AS shared) > 1)
"""

# Mark the rows that a successor's rows replace, and let others count again. A pending row whose posted row is stored
# does not count in either case; see ``sync.statements.REPLACE_PENDING``.
REPLACE_BY_SUCCESSOR: Final = """
UPDATE banking_transaction AS existing
SET removed_at = CASE WHEN replacement.by <> '' THEN now() END, replaced_by = replacement.by
FROM (
    -- What replaces each row now: a successor's rows, its own posted row, or nothing.
    SELECT candidate.id, CASE
        WHEN candidate.is_counted_elsewhere THEN 'successor'
        WHEN candidate.pending AND EXISTS (
            SELECT FROM banking_transaction AS posted
            WHERE posted.account_id = ANY (%(known)s) AND posted.pending_id = candidate.provider_id
              AND posted.pending_id <> '' AND NOT posted.pending
              AND (posted.removed_at IS NULL OR posted.replaced_by <> '')) THEN 'posted'
        ELSE '' END AS by
    FROM (
        -- Of the days that are in an account's totals, its own rows count, and no successor's.
        SELECT transaction.*, coalesce(
                transaction.date >= span.until
                AND transaction.date > coalesce(account.totals_until, '-infinity'), false)
            OR EXISTS (
                SELECT FROM unnest(
                    %(counted_accounts)s::uuid[], %(counted_since)s::date[], %(counted_until)s::date[]
                ) AS counted (account_id, since, until)
                WHERE counted.account_id = transaction.account_id
                    AND transaction.date BETWEEN counted.since AND counted.until) AS is_counted_elsewhere
        FROM banking_transaction AS transaction JOIN banking_account AS account ON account.id = transaction.account_id
        -- Until which day the rows of each account count.
        JOIN unnest(%(accounts)s::uuid[], %(untils)s::date[]) AS span (account_id, until)
            ON span.account_id = transaction.account_id
        -- Rows of the bank that count, by their parts or whole, or were replaced by a successor.
        WHERE transaction.part_of IS NULL
            AND (transaction.removed_at IS NULL OR transaction.replaced_by IN ('successor', 'split'))
    ) AS candidate
    -- Rows whose state changes.
    WHERE is_counted_elsewhere <> (candidate.replaced_by = 'successor')
) AS replacement
WHERE existing.id = replacement.id AND existing.account_id = ANY (%(accounts)s)
RETURNING existing.id, existing.replaced_by
"""

_OWN: Final = ", ".join(USER_COLUMNS)
_OF_TRANSACTION: Final = ", ".join(f"transaction.{column}" for column in USER_COLUMNS)
_OF_EQUAL: Final = ", ".join(f"equal.{column}" for column in USER_COLUMNS)

# Copy the user's own fields and tags of a row to the equal row of the account that counts now, once: when the row is
# replaced. A row that counts again takes over the current values, since the user saw and changed the other row
# meanwhile; elsewhere nothing is overwritten that a person wrote. Equal rows are found by one sort: a join of two
# histories would compare every row with every other one while PostgreSQL has no statistics about them.
COPY_USER_FIELDS: Final = f"""
WITH tagged AS MATERIALIZED (
    SELECT given.transaction AS id, bool_or(given.rule IS NULL) AS is_written
    FROM banking_transactiontag AS given WHERE given.owner_id = %(owner)s GROUP BY given.transaction
-- Rows that count, and rows that were replaced in this transaction; the n-th of equal rows matches the n-th.
), side AS (
    SELECT transaction.id, coalesce(account.successor_id, account.id) AS front,
        transaction.replaced_by = 'successor' AS is_old,
        transaction.date, transaction.amount, transaction.name, {_OF_TRANSACTION},
        -- What a rule set is not what the person wrote.
        note <> '' OR coalesce(tagged.is_written, false)
            OR category_source = 'person' OR category_source = '' AND user_category <> ''
            OR merchant_source = 'person' OR merchant_source = '' AND user_merchant <> ''
            OR hidden_source = 'person' OR hidden_source = '' AND hidden AS is_written,
        ({_OF_TRANSACTION}) IS DISTINCT FROM ({", ".join(USER_COLUMNS.values())}) OR tagged.id IS NOT NULL AS has_any,
        row_number() OVER (
            PARTITION BY account_id, transaction.replaced_by = 'successor', date, amount, transaction.name
            ORDER BY transaction.id
        ) AS place
    FROM banking_transaction AS transaction JOIN banking_account AS account ON account.id = transaction.account_id
    LEFT JOIN tagged ON tagged.id = transaction.id
    WHERE transaction.account_id = ANY (%(accounts)s) AND transaction.part_of IS NULL AND (
        transaction.removed_at IS NULL OR transaction.replaced_by = 'split'
        OR transaction.replaced_by = 'successor' AND transaction.removed_at = now())
-- The user's fields of equal rows: the replaced row first, then one that the user changed.
), equal AS (
    SELECT id, is_old, is_written, bool_or(is_old) OVER equals AS has_old,
        first_value(id) OVER equals AS source_id, first_value(has_any) OVER equals AS source_has_any,
        {", ".join(f"first_value({column}) OVER equals AS {column}" for column in USER_COLUMNS)}
    FROM side
    WINDOW equals AS (PARTITION BY front, date, amount, name, place ORDER BY is_old DESC, is_written DESC, id
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
-- Rows that count get them, unless the user changed them; those that count again get them in any case.
), target AS MATERIALIZED (
    SELECT * FROM equal
    WHERE NOT is_old AND has_old AND (NOT is_written AND source_has_any OR id = ANY (%(again)s))
), untagged AS (
    DELETE FROM banking_transactiontag AS given USING target
    WHERE given.owner_id = %(owner)s AND given.transaction = target.id AND target.id = ANY (%(again)s)
    AND NOT EXISTS (
        SELECT FROM banking_transactiontag AS other
        WHERE other.owner_id = %(owner)s AND other.transaction = target.source_id AND other.tag_id = given.tag_id)
), copied AS (
    INSERT INTO banking_transactiontag AS present (id, owner_id, transaction, tag_id, rule, run, is_removed)
    SELECT gen_random_uuid(), %(owner)s, target.id, given.tag_id, given.rule, given.run, given.is_removed
    FROM target JOIN banking_transactiontag AS given
        ON given.owner_id = %(owner)s AND given.transaction = target.source_id
    WHERE target.id <> target.source_id
    -- A rule of the new connection may have put on what the user removed.
    ON CONFLICT (transaction, tag_id) DO UPDATE
    SET rule = excluded.rule, run = excluded.run, is_removed = excluded.is_removed
    WHERE present.is_removed <> excluded.is_removed
)
UPDATE banking_transaction AS transaction
SET ({_OWN}) = ({_OF_EQUAL})
FROM target AS equal
WHERE transaction.id = equal.id AND transaction.account_id = ANY (%(accounts)s)
    AND ({_OF_TRANSACTION}) IS DISTINCT FROM ({_OF_EQUAL})
"""  # noqa: S608  (built from constants)
