"""The SQL that deletes transactions and keeps their totals.

Written by hand: a batch of rows is deleted and added to its totals by one statement, so that no row is in both or in
neither, however often the purge is interrupted.
"""

from typing import Final

from banking.models import Transfer
from banking.models.accounts import COUNTED_IN_SQL, display_name_in_sql
from banking.transactions.cash_flow import CASH_FLOW_ACCOUNT_TYPES, HAS_CASH_FLOW, IN_CASH_FLOW, sql_literals
from banking.transactions.transfer_matching import LEGS_AMONG

OWN_TRANSFER_LEGS: Final = "SELECT unnest(ARRAY[money_out, money_in]) FROM banking_transfer WHERE owner_id = %(owner)s"
GIVEN_LEGS: Final = "SELECT unnest(%(legs)s::uuid[])"

MAX_APART: Final = Transfer.MAX_DAYS_APART_BY_HAND
# How long after its posted row a pending one can be dated.
MAX_PENDING_DAYS: Final = 30

# The totals of rows that are called banking_transaction in ``rows``; a day's until ``daily_since``, a month's before.
ADD_TO_TOTALS: Final = f"""
INSERT INTO banking_transactiontotal AS total
    (id, owner_id, account_id, source, period, starts_on, currency, category, money_in, money_out, count)
SELECT gen_random_uuid(), %(owner)s, counted.account_id, %(source)s,
    CASE WHEN counted.is_daily THEN 'day' ELSE 'month' END, counted.starts_on, counted.currency, counted.counted_as,
    coalesce(sum(amount) FILTER (WHERE amount > 0), 0), coalesce(-sum(amount) FILTER (WHERE amount < 0), 0), count(*)
FROM (
    SELECT account_id, banking_transaction.currency COLLATE "C" AS currency, amount,
        coalesce(nullif(user_category, ''), category) COLLATE "C" AS counted_as,
        day >= %(daily_since)s AS is_daily,
        CASE WHEN day >= %(daily_since)s THEN day ELSE date_trunc('month', day)::date END AS starts_on
    FROM {{rows}}
    -- The rows that count in cash flow, also of accounts that are left out of totals now. An array, because a join
    -- would read the accounts for each row.
    WHERE account_id = ANY (ARRAY(
            SELECT id FROM banking_account
            WHERE owner_id = %(owner)s AND type IN ({sql_literals(CASH_FLOW_ACCOUNT_TYPES)})))
        AND {{counts}} AND {IN_CASH_FLOW.format(legs="{legs}")}
) AS counted
-- COLLATE, because comparing texts by the rules of a language takes most of the time.
GROUP BY counted.account_id, counted.is_daily, counted.starts_on, counted.currency, counted.counted_as
ON CONFLICT (account_id, source, period, starts_on, currency, category) DO UPDATE
SET money_in = total.money_in + excluded.money_in, money_out = total.money_out + excluded.money_out,
    count = total.count + excluded.count
"""  # noqa: S608  (built from constants)

ADD_PURGED_TO_TOTALS: Final = ADD_TO_TOTALS.format(
    rows="purged AS banking_transaction", counts="removed_at IS NULL AND NOT hidden", legs=OWN_TRANSFER_LEGS
)

# A pending row that counts, by its parts or whole, waits for its posted one.
NOT_WAITING: Final = "(NOT pending OR removed_at IS NOT NULL AND replaced_by <> 'split')"

# One batch: the oldest rows before a day, deleted and added to the totals. Both legs of a transfer go together, because
# one alone would count as income or spending. A pending row that counts stays, because its posted row would count as
# well. A pending row that a posted one replaced goes with it, because it would count again.
PURGE_BATCH: Final = f"""
-- Pending rows that count; their partial index is by account.
WITH counted_pending AS MATERIALIZED (
    SELECT pending.id FROM banking_account AS account
    JOIN banking_transaction AS pending ON pending.account_id = account.id
    WHERE account.owner_id = %(owner)s AND pending.pending AND pending.removed_at IS NULL
-- The legs of transfers of which one leg stays.
), blocked AS MATERIALIZED (
    SELECT unnest(ARRAY[money_out, money_in]) AS id FROM banking_transfer AS transfer
    WHERE transfer.owner_id = %(owner)s
        AND sent_on BETWEEN %(before)s::date - {2 * MAX_APART} AND %(before)s::date + {MAX_APART}
        AND EXISTS (
            SELECT FROM banking_transaction AS leg WHERE leg.id IN (money_out, money_in) AND leg.day >= %(before)s)
    UNION SELECT unnest(ARRAY[money_out, money_in]) FROM banking_transfer
    WHERE owner_id = %(owner)s AND NOT %(everything)s
        AND (money_out IN (SELECT id FROM counted_pending) OR money_in IN (SELECT id FROM counted_pending))
), batch AS MATERIALIZED (
    SELECT id, account_id, pending_id, day FROM banking_transaction
    WHERE owner_id = %(owner)s AND day < %(before)s
        AND ({NOT_WAITING} OR %(everything)s) AND id NOT IN (SELECT id FROM blocked)
        -- The parts of a row go with it.
        AND (part_of IS NULL OR NOT EXISTS (
            SELECT FROM banking_transaction AS whole WHERE whole.id = banking_transaction.part_of))
    ORDER BY day, id LIMIT %(limit)s
), due AS MATERIALIZED (
    SELECT id, day FROM batch
    -- The other legs of transfers.
    UNION ALL SELECT leg.id, leg.day FROM banking_transfer AS transfer
    JOIN banking_transaction AS leg ON leg.id IN (transfer.money_out, transfer.money_in)
    WHERE transfer.owner_id = %(owner)s
        AND (transfer.money_out IN (SELECT id FROM batch) OR transfer.money_in IN (SELECT id FROM batch))
    -- Pending rows that a posted row of the batch replaced.
    UNION ALL SELECT pending.id, pending.day FROM batch JOIN banking_transaction AS pending
        ON pending.account_id = batch.account_id AND pending.provider_id = batch.pending_id
    WHERE batch.pending_id <> '' AND batch.day >= %(before)s::date - {MAX_PENDING_DAYS}
        AND pending.replaced_by = 'posted'
    UNION ALL SELECT part.id, part.day FROM banking_transaction AS part
    WHERE part.owner_id = %(owner)s AND part.part_of IS NOT NULL AND (part.part_of IN (SELECT id FROM batch)) IS TRUE
), purged AS (
    DELETE FROM banking_transaction AS gone
    -- By the index of days, and IS TRUE for one hash of the ids: without statistics, PostgreSQL would compare each row
    -- of the owner with each id.
    WHERE gone.owner_id = %(owner)s
        AND gone.day >= (SELECT min(day) FROM due) AND gone.day <= (SELECT max(day) FROM due)
        AND (gone.id IN (SELECT id FROM due)) IS TRUE
    RETURNING gone.id, account_id, day, date, amount, currency, user_category, category, category_detail, removed_at,
        replaced_by, hidden, name, merchant_name, payment_channel
), totals AS (
    {ADD_PURGED_TO_TOTALS}
), transfers AS (
    DELETE FROM banking_transfer AS transfer
    WHERE transfer.owner_id = %(owner)s AND (transfer.money_out IN (SELECT id FROM due)) IS TRUE
), decisions AS (
    -- What the user decided about two rows says nothing about one.
    DELETE FROM banking_transferdecision AS decision
    WHERE decision.owner_id = %(owner)s
        AND (decision.money_out IN (SELECT id FROM due) OR decision.money_in IN (SELECT id FROM due)) IS TRUE
), tags AS (
    DELETE FROM banking_transactiontag AS given
    WHERE given.owner_id = %(owner)s AND (given.transaction IN (SELECT id FROM due)) IS TRUE
), changes AS (
    DELETE FROM banking_rulechange AS change
    WHERE change.owner_id = %(owner)s AND (change.transaction IN (SELECT id FROM due)) IS TRUE
), accounts AS (
    -- From now on, no sync stores rows of these days again.
    UPDATE banking_account AS account
    SET purged_since = least(account.purged_since, covered.since),
        purged_before = greatest(account.purged_before, %(before)s),
        totals_until = greatest(account.totals_until, covered.until)
    FROM (
        SELECT account_id, min(date) FILTER (WHERE removed_at IS NULL OR replaced_by <> '') AS since,
            max(date) FILTER (WHERE removed_at IS NULL) AS until
        FROM purged GROUP BY account_id
    ) AS covered
    WHERE account.id = covered.account_id AND account.owner_id = %(owner)s AND (
        covered.since < coalesce(account.purged_since, 'infinity')
        OR covered.until > coalesce(account.totals_until, '-infinity')
        OR %(before)s > coalesce(account.purged_before, '-infinity'))
)
SELECT count(*) FROM purged
"""  # noqa: S608  (built from constants)

# Few groups, which PostgreSQL would otherwise find by sorting all rows of the batch.
HASH_GROUPS: Final = "SET LOCAL enable_sort = off"

# Daily totals become monthly ones when no page shows their days any more.
FOLD_DAYS: Final = """
WITH old AS (
    DELETE FROM banking_transactiontotal WHERE owner_id = %(owner)s AND period = 'day' AND starts_on < %(daily_since)s
    RETURNING *
)
INSERT INTO banking_transactiontotal AS total
    (id, owner_id, account_id, source, period, starts_on, currency, category, money_in, money_out, count)
SELECT gen_random_uuid(), %(owner)s, account_id, source, 'month', date_trunc('month', starts_on)::date, currency,
    category, sum(money_in), sum(money_out), sum(count)
FROM old GROUP BY account_id, source, date_trunc('month', starts_on), currency, category
ON CONFLICT (account_id, source, period, starts_on, currency, category) DO UPDATE
SET money_in = total.money_in + excluded.money_in, money_out = total.money_out + excluded.money_out,
    count = total.count + excluded.count
"""

PREVIEW: Final = f"""
SELECT {display_name_in_sql("account")} AS display_name, account.mask, count(*), min(transaction.day),
    max(transaction.day)
FROM banking_transaction AS transaction JOIN banking_account AS account ON account.id = transaction.account_id
WHERE transaction.owner_id = %(owner)s AND transaction.day < %(before)s
    AND ({NOT_WAITING} OR %(everything)s)
GROUP BY account.id ORDER BY display_name, account.id
"""  # noqa: S608  (built from constants)

SAMPLE: Final = """
SELECT day, coalesce(nullif(user_merchant, ''), nullif(merchant_name, ''), name) FROM banking_transaction
WHERE owner_id = %(owner)s AND day < %(before)s AND removed_at IS NULL AND NOT hidden AND NOT pending
ORDER BY day DESC, id DESC LIMIT %(limit)s
"""

# What of a downloaded stream counts: no removed or unreadable rows, and no pending row whose posted row is there.
KEEP_COUNTED: Final = """
DELETE FROM incoming
WHERE gone IS DISTINCT FROM false OR account_id IS NULL OR pending AND EXISTS (
    SELECT FROM incoming AS posted
    WHERE posted.pending_id = incoming.provider_id AND posted.pending_id <> '' AND NOT posted.pending
        AND NOT posted.gone)
"""

# The accounts that a downloaded stream has rows of, and from which day on. An account that the bank does not list any
# more has none, and another one may have a shorter history than before.
STREAMED: Final = """
SELECT account_id, min(day) AS since FROM incoming
WHERE account_id = ANY (%(accounts)s) AND NOT gone GROUP BY account_id
"""

# What the stream covers is counted from the stream alone. The total of the month in which an account's stream begins
# stays if it has older transactions, too; LEAVE_OUT_COUNTED then leaves out what is in it.
DELETE_COVERED_TOTALS: Final = f"""
DELETE FROM banking_transactiontotal AS total USING (
    SELECT streamed.*, date_trunc('month', since)::date AS month, account.purged_since < since AND EXISTS (
        SELECT FROM banking_transactiontotal AS first
        WHERE first.account_id = streamed.account_id AND period = 'month'
            AND starts_on = date_trunc('month', since)) AS is_month_kept
    FROM ({STREAMED}) AS streamed JOIN banking_account AS account ON account.id = streamed.account_id
) AS streamed
WHERE total.owner_id = %(owner)s AND total.account_id = streamed.account_id AND CASE
    WHEN is_month_kept THEN starts_on >= month + interval '1 month'
    WHEN period = 'month' THEN starts_on >= month
    ELSE source = 'stream' OR starts_on >= since END
"""  # noqa: S608  (built from constants)

# Rows that are in a total which stays: of the same account, or of a former one.
LEAVE_OUT_COUNTED: Final = """
DELETE FROM incoming USING banking_account AS account
WHERE account.id = incoming.account_id AND account.id = ANY (%(accounts)s) AND (
    incoming.date <= account.totals_until AND EXISTS (
        SELECT FROM banking_transactiontotal AS total
        WHERE total.account_id = account.id AND period = 'month' AND starts_on = date_trunc('month', incoming.day))
    OR EXISTS (
        SELECT FROM unnest(%(counted_accounts)s::uuid[], %(counted_since)s::date[], %(counted_until)s::date[])
            AS counted (account_id, since, until)
        WHERE counted.account_id = incoming.account_id AND incoming.date BETWEEN since AND until))
"""

STREAM_LEGS: Final = LEGS_AMONG.format(rows="incoming", counts="true")
ADD_STREAM_TO_TOTALS: Final = ADD_TO_TOTALS.format(
    rows="incoming AS banking_transaction", counts="true", legs=GIVEN_LEGS
)

# From now on the totals have what the stream has.
COVER_STREAM: Final = """
UPDATE banking_account AS account
SET purged_before = %(everything)s, purged_since = least(account.purged_since, streamed.since),
    totals_until = greatest(account.totals_until, streamed.until)
FROM (SELECT account_id, min(date) AS since, max(date) AS until FROM incoming GROUP BY account_id) AS streamed
WHERE account.id = streamed.account_id AND account.owner_id = %(owner)s
"""

# Accounts of which nothing was kept, and of which the stream has rows: they start anew.
FIND_REOPENED: Final = f"""
SELECT id FROM banking_account
WHERE owner_id = %(owner)s AND id = ANY (%(accounts)s) AND purged_before = %(everything)s
    AND id IN (SELECT account_id FROM ({STREAMED}) AS streamed)
"""  # noqa: S608  (built from constants)

# Rows of before the stream stay in the totals that are left.
REOPEN_ACCOUNTS: Final = """
UPDATE banking_account AS account
SET purged_before = CASE WHEN has_totals THEN coalesce(first_day, purged_before) END,
    purged_since = CASE WHEN has_totals THEN purged_since END,
    totals_until = CASE WHEN has_totals THEN least(totals_until, first_date - 1) END
FROM (
    SELECT reopened.id, (SELECT min(day) FROM incoming WHERE account_id = reopened.id AND NOT gone) AS first_day,
        (SELECT min(date) FROM incoming WHERE account_id = reopened.id AND NOT gone) AS first_date,
        EXISTS (SELECT FROM banking_transactiontotal WHERE account_id = reopened.id) AS has_totals
    FROM banking_account AS reopened WHERE reopened.id = ANY (%(accounts)s)
) AS state
WHERE account.owner_id = %(owner)s AND account.id = state.id
"""

# Rows of all days are stored, also those that the next purge deletes: it adds them to the totals.
STORE_ALL: Final = "UPDATE incoming SET first_day = NULL WHERE account_id = ANY (%(accounts)s)"

MONTHLY_TOTALS: Final = f"""
SELECT month, currency, counted_as, sum(money_in), sum(money_out), sum(rows)::int
FROM (
    SELECT date_trunc('month', starts_on)::date AS month, currency, category AS counted_as, money_in, money_out,
        count AS rows
    FROM banking_transactiontotal
    WHERE owner_id = %(owner)s
        AND account_id IN (SELECT id FROM banking_account WHERE owner_id = %(owner)s AND {COUNTED_IN_SQL})
    -- The rows that are still stored.
    UNION ALL
    SELECT date_trunc('month', day)::date, banking_transaction.currency, coalesce(nullif(user_category, ''), category),
        coalesce(sum(amount) FILTER (WHERE amount > 0), 0), coalesce(-sum(amount) FILTER (WHERE amount < 0), 0),
        count(*)
    FROM banking_transaction JOIN banking_account AS account ON account.id = account_id
    WHERE banking_transaction.owner_id = %(owner)s AND removed_at IS NULL AND NOT hidden
        AND {HAS_CASH_FLOW}
        AND {IN_CASH_FLOW.format(legs=OWN_TRANSFER_LEGS)}
    GROUP BY 1, 2, 3
) AS part
GROUP BY month, currency, counted_as
ORDER BY month DESC, currency, sum(money_in) + sum(money_out) DESC, counted_as
"""  # noqa: S608  (built from constants)
