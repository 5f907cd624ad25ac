"""The SQL of balances over time."""

from typing import Final

# How long after it was authorized a transaction may be posted.
MAX_POSTING_DAYS: Final = 30

# The change of some accounts' total on each day; the total before the first day counts on that day. An account with
# former accounts continues from their last balance. In the third column: the day of the first reported balance, if the
# change is computed.
DAILY_CHANGES: Final = f"""
WITH requested AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(accounts)s::uuid[], %(untils)s::date[], %(signs)s::int[])
        AS requested (id, account, until, sign)
-- Each account's first known balance.
), first AS (
    SELECT DISTINCT ON (account) account, sign, day AS reported_on, current AS reported, currency
    FROM requested, LATERAL (
        SELECT day, current, currency FROM banking_balancesnapshot
        WHERE owner_id = %(owner)s AND account_id = requested.id AND current IS NOT NULL
            AND day < coalesce(requested.until, 'infinity')
        ORDER BY day LIMIT 1
    ) AS snapshot
    ORDER BY account, day
-- What was posted before that day. LATERAL, so that nothing is read if the first balance is older than the chart.
), flow AS (
    SELECT account, posted.day, sum(posted.amount) AS amount
    FROM first JOIN requested USING (account), LATERAL (
        SELECT greatest(date, %(since)s::date) AS day, amount FROM banking_transaction
        WHERE owner_id = %(owner)s AND account_id = requested.id AND NOT pending AND removed_at IS NULL
            AND day >= %(since)s::date - {MAX_POSTING_DAYS} AND date <= first.reported_on
            AND banking_transaction.currency = first.currency
    ) AS posted
    WHERE first.reported_on > %(since)s AND first.sign <> 0
    GROUP BY account, posted.day
-- The first day of the chart: all accounts start there, so that none seems to appear later with all its money.
), start AS (
    SELECT CASE WHEN EXISTS (
            SELECT FROM banking_transaction JOIN requested ON requested.id = account_id
            WHERE owner_id = %(owner)s AND day <= %(since)s AND NOT pending AND removed_at IS NULL AND sign <> 0)
        THEN %(since)s::date ELSE (SELECT min(day) FROM flow) END AS day
    WHERE EXISTS (SELECT FROM first WHERE reported_on > %(since)s AND sign <> 0)
), opening AS (
    SELECT account, start.day, 0 AS amount FROM first CROSS JOIN start WHERE sign <> 0 AND start.day IS NOT NULL
), computed AS (
    SELECT account, posting.day, reported_on, reported - sign * coalesce(sum(posting.amount) OVER (
        PARTITION BY account ORDER BY posting.day ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), 0) AS current
    FROM (
        SELECT account, day, sum(amount) AS amount
        FROM (SELECT * FROM flow UNION ALL SELECT * FROM opening) AS posted
        GROUP BY account, day
    ) AS posting
    JOIN first USING (account)
)
SELECT greatest(day, %(since)s) AS changed_on, sum(current - before), max(reported_on)
FROM (
    SELECT day, current, lag(current, 1, 0) OVER (PARTITION BY account ORDER BY day) AS before, reported_on
    FROM (
        SELECT account, day, current, NULL::date AS reported_on
        FROM requested, LATERAL (
            SELECT day, current
            FROM banking_balancesnapshot
            WHERE owner_id = %(owner)s AND account_id = requested.id AND day >= %(since)s AND current IS NOT NULL
                AND day < coalesce(requested.until, 'infinity')
            UNION ALL (
                SELECT day, current
                FROM banking_balancesnapshot
                WHERE owner_id = %(owner)s AND account_id = requested.id AND day < least(%(since)s, requested.until)
                    AND current IS NOT NULL
                ORDER BY day DESC
                LIMIT 1
            )
        ) AS snapshot
        UNION ALL
        SELECT account, day, current, reported_on FROM computed WHERE day < reported_on
    ) AS reading
) AS change
GROUP BY changed_on
"""  # noqa: S608  (built from constants)
