"""The SQL of rules: which transactions they match, and what they set.

Hand-written, because one statement compares all transactions with all rules, and stores the result.
"""

from typing import Final


def normalize(text: str) -> str:
    """The SQL of a text without regard to case and to the number of spaces."""
    return rf"lower(btrim(regexp_replace({text}, '\s+', ' ', 'g')))"


# Whether a rule may set a column: nobody has set it, or a rule did. A value without a source is the person's.
TAKES_CATEGORY: Final = "(category_source = 'rule' OR category_source = '' AND user_category = '')"
TAKES_MERCHANT: Final = "(merchant_source = 'rule' OR merchant_source = '' AND user_merchant = '')"
TAKES_HIDDEN: Final = "(hidden_source = 'rule' OR hidden_source = '' AND NOT hidden)"

# What the rules set on each row: of one column, the first rule that sets it, as the rule's rank. ``{rows}`` are the
# transactions, ``{rules}`` limits the rules, and ``{having}`` the matched rows. Texts are compared first, each once,
# because a merchant has many rows.
OUTCOME: Final = f"""
WITH candidate AS MATERIALIZED (
    SELECT transaction.id, transaction.day, transaction.name, transaction.merchant_name, transaction.amount,
        coalesce(account.successor_id, account.id) AS account_id,
        user_category, category_source, user_merchant, merchant_source, hidden,
        {TAKES_CATEGORY} AS takes_category, {TAKES_MERCHANT} AS takes_merchant, {TAKES_HIDDEN} AS takes_hidden
    FROM {{rows}}
), rule AS MATERIALIZED (
    SELECT rule.id, category, rename, hides, direction, min_amount, max_amount,
        row_number() OVER (ORDER BY position, rule.id) AS rank,
        coalesce(account.successor_id, account.id) AS account_id,
        {normalize("rule.merchant")} AS merchant, {normalize("rule.name_part")} AS name_part
    FROM banking_categoryrule AS rule LEFT JOIN banking_account AS account ON account.id = rule.account_id
    WHERE rule.owner_id = %(owner)s AND rule.is_enabled{{rules}}
), label AS MATERIALIZED (
    SELECT name, merchant_name, {normalize("coalesce(nullif(merchant_name, ''), name)")} AS merchant,
        {normalize("name || ' ' || merchant_name")} AS full_name
    FROM (SELECT DISTINCT name, merchant_name FROM candidate) AS text
), label_match AS MATERIALIZED (
    SELECT label.name, label.merchant_name, rule.* FROM label
    JOIN rule ON rule.merchant = label.merchant AND rule.merchant <> '' AND strpos(label.full_name, rule.name_part) > 0
    UNION ALL
    SELECT label.name, label.merchant_name, rule.* FROM label
    JOIN rule ON rule.merchant = '' AND strpos(label.full_name, rule.name_part) > 0
), match AS MATERIALIZED (
    SELECT candidate.*, rule.id AS rule_id, rule.rank, rule.category, rule.rename, rule.hides
    FROM candidate JOIN label_match AS rule
        ON rule.name = candidate.name AND rule.merchant_name = candidate.merchant_name
    WHERE (rule.account_id IS NULL OR rule.account_id = candidate.account_id)
        AND (rule.direction = '' OR rule.direction = 'in' AND amount > 0 OR rule.direction = 'out' AND amount < 0)
        AND (rule.min_amount IS NULL OR abs(amount) >= rule.min_amount)
        AND (rule.max_amount IS NULL OR abs(amount) <= rule.max_amount)
), first AS MATERIALIZED (
    SELECT id, day, user_category, category_source, user_merchant, merchant_source, hidden,
        min(rank) FILTER (WHERE takes_category AND category <> '') AS category_rank,
        min(rank) FILTER (WHERE takes_merchant AND rename <> '') AS merchant_rank,
        min(rank) FILTER (WHERE takes_hidden AND hides) AS hidden_rank
    FROM match GROUP BY id, day, user_category, category_source, user_merchant, merchant_source, hidden{{having}}
), outcome AS (
    SELECT first.*, categories.category, categories.id AS category_rule, merchants.rename,
        merchants.id AS merchant_rule, hiding.id AS hidden_rule
    FROM first LEFT JOIN rule AS categories ON categories.rank = category_rank
    LEFT JOIN rule AS merchants ON merchants.rank = merchant_rank
    LEFT JOIN rule AS hiding ON hiding.rank = hidden_rank
)"""  # noqa: S608  (built from constants)

_OF_INCOMING: Final = OUTCOME.format(
    rows="""incoming AS transaction JOIN banking_account AS account ON account.id = transaction.account_id
    WHERE NOT transaction.gone AND transaction.is_kept""",
    rules="",
    having="",
)

# The downloaded rows of a sync, before they are stored; see ``sync.statements``.
APPLY_TO_INCOMING: Final = f"""
{_OF_INCOMING}, tagged AS (
    SELECT match.id, jsonb_object_agg(rule_tag.tag_id, match.rule_id) AS tags
    FROM match JOIN banking_ruletag AS rule_tag ON rule_tag.rule_id = match.rule_id GROUP BY match.id
)
UPDATE incoming
SET user_category = coalesce(outcome.category, incoming.user_category),
    category_source = CASE WHEN outcome.category IS NULL THEN incoming.category_source ELSE 'rule' END,
    category_rule = coalesce(outcome.category_rule, incoming.category_rule),
    user_merchant = coalesce(outcome.rename, incoming.user_merchant),
    merchant_source = CASE WHEN outcome.rename IS NULL THEN incoming.merchant_source ELSE 'rule' END,
    merchant_rule = coalesce(outcome.merchant_rule, incoming.merchant_rule),
    hidden = outcome.hidden_rule IS NOT NULL OR incoming.hidden,
    hidden_source = CASE WHEN outcome.hidden_rule IS NULL THEN incoming.hidden_source ELSE 'rule' END,
    hidden_rule = coalesce(outcome.hidden_rule, incoming.hidden_rule),
    -- The tags of the pending row stay as they are.
    tags = coalesce(tagged.tags, '{{}}') || incoming.tags
FROM outcome LEFT JOIN tagged ON tagged.id = outcome.id
WHERE incoming.id = outcome.id
"""  # noqa: S608  (built from constants)

_OF_STORED: Final = OUTCOME.format(
    rows="""banking_transaction AS transaction
    JOIN banking_account AS account ON account.id = transaction.account_id
    WHERE transaction.owner_id = %(owner)s AND transaction.removed_at IS NULL AND transaction.part_of IS NULL""",
    # The rule itself, and those that have precedence over it.
    rules="""
        AND (position, rule.id) <= (
            SELECT applied.position, applied.id FROM banking_categoryrule AS applied WHERE applied.id = %(rule)s)""",
    having=" HAVING bool_or(rule_id = %(rule)s)",
)

# The stored rows on which one rule would change something, with what it sets: NULL where another rule has precedence,
# where the person decided, or where the value is there already.
RULE_TARGETS: Final = f"""
{_OF_STORED}, given AS MATERIALIZED (
    SELECT given.transaction AS id, count(*) AS count
    FROM banking_transactiontag AS given JOIN banking_ruletag AS rule_tag ON rule_tag.tag_id = given.tag_id
    WHERE given.owner_id = %(owner)s AND rule_tag.rule_id = %(rule)s GROUP BY given.transaction
), effect AS (
    SELECT outcome.id, day,
        CASE WHEN category_rule = %(rule)s AND (user_category, category_source) <> (category, 'rule')
            THEN category END AS category,
        CASE WHEN merchant_rule = %(rule)s AND (user_merchant, merchant_source) <> (rename, 'rule')
            THEN rename END AS rename,
        coalesce(hidden_rule = %(rule)s, false) AND NOT hidden AS hides,
        coalesce(given.count, 0) < (
            SELECT count(*) FROM banking_ruletag AS rule_tag WHERE rule_tag.rule_id = %(rule)s) AS is_tagged
    FROM outcome LEFT JOIN given ON given.id = outcome.id
), target AS (
    SELECT * FROM effect WHERE category IS NOT NULL OR rename IS NOT NULL OR hides OR is_tagged
)"""  # noqa: S608  (built from constants)

PREVIEW_RULE: Final = f"""
{RULE_TARGETS}, newest AS MATERIALIZED (
    SELECT *, count(*) OVER () AS count FROM target ORDER BY day DESC, id DESC LIMIT %(limit)s
)
SELECT newest.count, transaction.id, transaction.day,
    coalesce(nullif(user_merchant, ''), nullif(merchant_name, ''), name),
    amount, currency, coalesce(nullif(user_category, ''), transaction.category),
    newest.category, newest.rename, newest.hides, newest.is_tagged
FROM newest JOIN banking_transaction AS transaction
    ON transaction.id = newest.id AND transaction.id = ANY (ARRAY(SELECT id FROM newest))
ORDER BY transaction.day DESC, transaction.id DESC
"""  # noqa: S608  (built from constants)

BEFORE_COLUMNS: Final = (
    *("user_category", "category_source", "category_rule", "user_merchant", "merchant_source", "merchant_rule"),
    *("hidden", "hidden_source", "hidden_rule"),
)
_BEFORE: Final = ", ".join(BEFORE_COLUMNS)
_STORED: Final = ", ".join(f"stored.{column}" for column in BEFORE_COLUMNS)
_OLD: Final = ", ".join(f"old.{column}" for column in BEFORE_COLUMNS)

# The newest rows first, at most ``limit``. A row that a person changes meanwhile is left alone.
APPLY_RULE: Final = f"""
{RULE_TARGETS}, old AS MATERIALIZED (
    SELECT newest.id, newest.category, newest.rename, newest.hides, {_STORED}
    FROM (SELECT * FROM target ORDER BY day DESC, id DESC LIMIT %(limit)s) AS newest
    JOIN banking_transaction AS stored ON stored.id = newest.id AND stored.owner_id = %(owner)s
), changed AS (
    UPDATE banking_transaction AS stored
    SET user_category = coalesce(old.category, stored.user_category),
        category_source = CASE WHEN old.category IS NULL THEN stored.category_source ELSE 'rule' END,
        category_rule = CASE WHEN old.category IS NULL THEN stored.category_rule ELSE %(rule)s END,
        user_merchant = coalesce(old.rename, stored.user_merchant),
        merchant_source = CASE WHEN old.rename IS NULL THEN stored.merchant_source ELSE 'rule' END,
        merchant_rule = CASE WHEN old.rename IS NULL THEN stored.merchant_rule ELSE %(rule)s END,
        hidden = old.hides OR stored.hidden,
        hidden_source = CASE WHEN old.hides THEN 'rule' ELSE stored.hidden_source END,
        hidden_rule = CASE WHEN old.hides THEN %(rule)s ELSE stored.hidden_rule END
    FROM old
    WHERE stored.id = old.id AND stored.owner_id = %(owner)s AND ({_STORED}) IS NOT DISTINCT FROM ({_OLD})
    RETURNING stored.id, {_OLD}, coalesce(old.category, '') AS new_category, coalesce(old.rename, '') AS new_merchant,
        old.hides
), tagged AS (
    INSERT INTO banking_transactiontag (id, owner_id, transaction, tag_id, rule, run)
    SELECT gen_random_uuid(), %(owner)s, changed.id, rule_tag.tag_id, %(rule)s, %(run)s
    FROM changed CROSS JOIN banking_ruletag AS rule_tag WHERE rule_tag.rule_id = %(rule)s
    ON CONFLICT DO NOTHING
)
INSERT INTO banking_rulechange (id, owner_id, run_id, transaction, {_BEFORE}, new_category, new_merchant, hides)
SELECT gen_random_uuid(), %(owner)s, %(run)s, id, {_BEFORE}, new_category, new_merchant, hides FROM changed
"""  # noqa: S608  (built from constants)

# What runs have changed on rows that another row replaced is changed on that one, too: it took over the same values.
FOLLOW_REPLACED: Final = f"""
WITH moved AS (
    SELECT * FROM unnest(%(old)s::uuid[], %(new)s::uuid[]) AS moved (old_id, new_id)
), tagged AS (
    UPDATE banking_transactiontag AS given SET run = former.run
    FROM moved JOIN banking_transactiontag AS former ON former.transaction = moved.old_id AND former.run IS NOT NULL
    WHERE given.owner_id = %(owner)s AND given.transaction = moved.new_id AND given.tag_id = former.tag_id
        AND given.rule = former.rule AND given.run IS NULL
)
INSERT INTO banking_rulechange (id, owner_id, run_id, transaction, {_BEFORE}, new_category, new_merchant, hides)
SELECT gen_random_uuid(), %(owner)s, run_id, new_id, {_BEFORE}, new_category, new_merchant, hides
FROM moved JOIN banking_rulechange AS change ON change.owner_id = %(owner)s AND change.transaction = moved.old_id
ON CONFLICT DO NOTHING
"""  # noqa: S608  (built from constants)

# A column is restored if it still has what the run set. The tags that the run put on go.
UNDO_RUN: Final = """
WITH change AS MATERIALIZED (
    SELECT stored.id,
        new_category <> '' AND (stored.user_category, stored.category_source, stored.category_rule)
            IS NOT DISTINCT FROM (new_category, 'rule', %(rule)s) AS restores_category,
        new_merchant <> '' AND (stored.user_merchant, stored.merchant_source, stored.merchant_rule)
            IS NOT DISTINCT FROM (new_merchant, 'rule', %(rule)s) AS restores_merchant,
        change.hides AND (stored.hidden, stored.hidden_source, stored.hidden_rule)
            IS NOT DISTINCT FROM (true, 'rule', %(rule)s) AS restores_hidden,
        change.user_category, change.category_source, change.category_rule,
        change.user_merchant, change.merchant_source, change.merchant_rule,
        change.hidden, change.hidden_source, change.hidden_rule
    FROM banking_rulechange AS change JOIN banking_transaction AS stored
        ON stored.id = change.transaction AND stored.owner_id = %(owner)s
    WHERE change.owner_id = %(owner)s AND change.run_id = %(run)s
), restored AS (
    UPDATE banking_transaction AS stored
    SET user_category = CASE WHEN restores_category THEN change.user_category ELSE stored.user_category END,
        category_source = CASE WHEN restores_category THEN change.category_source ELSE stored.category_source END,
        category_rule = CASE WHEN restores_category THEN change.category_rule ELSE stored.category_rule END,
        user_merchant = CASE WHEN restores_merchant THEN change.user_merchant ELSE stored.user_merchant END,
        merchant_source = CASE WHEN restores_merchant THEN change.merchant_source ELSE stored.merchant_source END,
        merchant_rule = CASE WHEN restores_merchant THEN change.merchant_rule ELSE stored.merchant_rule END,
        hidden = CASE WHEN restores_hidden THEN change.hidden ELSE stored.hidden END,
        hidden_source = CASE WHEN restores_hidden THEN change.hidden_source ELSE stored.hidden_source END,
        hidden_rule = CASE WHEN restores_hidden THEN change.hidden_rule ELSE stored.hidden_rule END
    FROM change
    WHERE stored.id = change.id AND stored.owner_id = %(owner)s
        AND (restores_category OR restores_merchant OR restores_hidden)
    RETURNING stored.id
), untagged AS (
    DELETE FROM banking_transactiontag WHERE owner_id = %(owner)s AND run = %(run)s RETURNING transaction AS id
)
SELECT count(*) FROM (SELECT id FROM restored UNION SELECT id FROM untagged) AS undone
JOIN banking_transaction AS stored ON stored.id = undone.id AND stored.owner_id = %(owner)s
-- Rows that another one replaced are undone as well.
WHERE stored.removed_at IS NULL OR stored.replaced_by = 'split'
"""

# Later runs that changed the same rows: they come first when runs are undone.
HAS_LATER_RUN: Final = """
SELECT EXISTS (
    SELECT FROM banking_rulechange AS change
    JOIN banking_rulechange AS later ON later.transaction = change.transaction AND later.run_id <> change.run_id
    JOIN banking_rulerun AS run ON run.id = later.run_id
    WHERE change.owner_id = %(owner)s AND change.run_id = %(run)s AND run.undone_at IS NULL
        AND (run.started_at, run.id) > (%(started_at)s, %(run)s))
"""

# Take back everything that a rule has set, in runs and in syncs.
CLEAR_RULE: Final = (
    """
UPDATE banking_transaction SET user_category = '', category_source = '', category_rule = NULL
WHERE owner_id = %(owner)s AND category_source = 'rule' AND category_rule = %(rule)s
""",
    """
UPDATE banking_transaction SET user_merchant = '', merchant_source = '', merchant_rule = NULL
WHERE owner_id = %(owner)s AND merchant_source = 'rule' AND merchant_rule = %(rule)s
""",
    """
UPDATE banking_transaction SET hidden = false, hidden_source = '', hidden_rule = NULL
WHERE owner_id = %(owner)s AND hidden_source = 'rule' AND hidden_rule = %(rule)s
""",
    "DELETE FROM banking_transactiontag WHERE owner_id = %(owner)s AND rule = %(rule)s",
)

COUNT_SET_BY_RULE: Final = """
SELECT count(*) FROM banking_transaction AS transaction
WHERE owner_id = %(owner)s AND removed_at IS NULL AND (
    category_rule = %(rule)s OR merchant_rule = %(rule)s OR hidden_rule = %(rule)s
    OR id IN (SELECT transaction FROM banking_transactiontag WHERE owner_id = %(owner)s AND rule = %(rule)s))
"""

# Rows about transactions that are no longer stored.
DELETE_ORPHANS: Final = tuple(
    f"""
DELETE FROM {table} AS about
WHERE about.owner_id = %(owner)s
    AND NOT EXISTS (SELECT FROM banking_transaction AS stored WHERE stored.id = about.transaction)
"""  # noqa: S608  (built from constants)
    for table in ("banking_transactiontag", "banking_rulechange")
)
