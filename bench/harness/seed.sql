-- Inserts transactions over two years and balances over one year: for each user in %(owners)s, %(each)s transactions.
-- The rows are in the order in which a first import and then two months of daily syncs would have stored them.

WITH merchant AS (
    SELECT *
    FROM unnest(
        %(account)s::text[], %(name)s::text[], %(category)s::text[], %(detail)s::text[],
        %(low)s::int[], %(high)s::int[], %(channel)s::text[]
    ) WITH ORDINALITY AS m (account, name, category, detail, low, high, channel, place)
),
visit AS MATERIALIZED (
    SELECT
        owner_id,
        current_date - 730 * (n - 1) / %(each)s AS day,
        1 + floor(random() * (SELECT count(*) FROM merchant))::int AS place,
        random() AS dear,
        random() AS odd
    FROM unnest(%(owners)s::uuid[]) AS owner_id, generate_series(1, %(each)s) AS n
),
movement AS (
    SELECT
        visit.*, merchant.name, merchant.category, merchant.detail, merchant.channel, account.id AS account_id,
        round((low + (high - low) * dear)::numeric, 2) AS amount,
        left(md5(random()::text) || md5(random()::text), 37) AS provider_id
    FROM visit
    JOIN merchant USING (place)
    JOIN banking_account AS account ON account.owner_id = visit.owner_id AND account.name = merchant.account
)
INSERT INTO banking_transaction (
    id, owner_id, account_id, provider_id, amount, provider_amount, currency, day, date, authorized_date, name,
    merchant_name, pending, pending_id, category, category_detail, category_confidence, payment_channel,
    user_category, note, hidden
)
SELECT
    uuidv7(), owner_id, account_id, provider_id, amount, -amount, 'USD', day, day + 1, day,
    upper(name) || ' #' || lpad((odd * 9999)::int::text, 4, '0'), name, day > current_date - 2, '',
    category, detail, 'VERY_HIGH', channel,
    CASE WHEN odd < 0.02 THEN 'Shared flat' ELSE '' END, CASE WHEN odd > 0.99 THEN 'Split with Sam' ELSE '' END, false
FROM movement
ORDER BY day >= current_date - 60, CASE WHEN day < current_date - 60 THEN owner_id END, day, owner_id;

INSERT INTO banking_balancesnapshot (id, owner_id, account_id, day, current, available, "limit", currency)
SELECT
    uuidv7(), owner_id, account.id, day::date, round((current * (0.8 + 0.2 * random()))::numeric, 2), available,
    "limit", currency
FROM banking_account AS account, generate_series(current_date - 365, current_date, interval '1 day') AS day
WHERE owner_id = ANY (%(owners)s)
ORDER BY day, owner_id;
