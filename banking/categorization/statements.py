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

CONDITIONS: Final = """strpos(candidate.words, rule.words) > 0
    AND (rule.account_id IS NULL OR rule.account_id = candidate.account_id)
    AND (rule.direction = '' OR rule.direction = 'in' AND candidate.amount > 0
        OR rule.direction = 'out' AND candidate.amount < 0)
    AND (rule.min_amount IS NULL OR abs(candidate.amount) >= rule.min_amount)
    AND (rule.max_amount IS NULL OR abs(candidate.amount) <= rule.max_amount)"""
MATCHED_COLUMNS: Final = """candidate.id, takes_category, takes_merchant, takes_hidden,
    rule.id AS rule_id, position, category, rename, hides"""


def first_of(column: str, condition: str) -> str:
    """The SQL of what the first of the rules sets that fulfill a condition; NULL if none does."""
    return f"(array_agg({column} ORDER BY position, rule_id) FILTER (WHERE {condition}))[1]"


# What the rules set on each row: of one column, the first rule that sets it. ``{rows}`` are the transactions, and
# ``{selected}`` is a query for those of ``candidate`` that are compared with all rules.
OUTCOME: Final = f"""
WITH candidate AS MATERIALIZED (
    SELECT transaction.id, transaction.amount, coalesce(account.successor_id, account.id) AS account_id,
        {normalize("coalesce(nullif(transaction.merchant_name, ''), transaction.name)")} AS merchant,
        {normalize("transaction.name || ' ' || transaction.merchant_name")} AS words,
        {TAKES_CATEGORY} AS takes_category, {TAKES_MERCHANT} AS takes_merchant, {TAKES_HIDDEN} AS takes_hidden
    FROM {{rows}}
), rule AS MATERIALIZED (
    SELECT rule.id, position, category, rename, hides, direction, min_amount, max_amount,
        coalesce(account.successor_id, account.id) AS account_id,
        {normalize("rule.merchant")} AS merchant, {normalize("rule.words")} AS words
    FROM banking_categoryrule AS rule LEFT JOIN banking_account AS account ON account.id = rule.account_id
    WHERE rule.owner_id = %(owner)s AND rule.is_enabled
), selected AS MATERIALIZED (
    {{selected}}
), match AS MATERIALIZED (
    -- Two joins, because the first one can use a hash.
    SELECT {MATCHED_COLUMNS} FROM selected AS candidate
    JOIN rule ON rule.merchant <> '' AND rule.merchant = candidate.merchant AND {CONDITIONS}
    UNION ALL
    SELECT {MATCHED_COLUMNS} FROM selected AS candidate JOIN rule ON rule.merchant = '' AND {CONDITIONS}
), outcome AS MATERIALIZED (
    SELECT id,
        {first_of("category", "takes_category AND category <> ''")} AS category,
        {first_of("rule_id", "takes_category AND category <> ''")} AS category_rule,
        {first_of("rename", "takes_merchant AND rename <> ''")} AS rename,
        {first_of("rule_id", "takes_merchant AND rename <> ''")} AS merchant_rule,
        {first_of("rule_id", "takes_hidden AND hides")} AS hidden_rule
    FROM match GROUP BY id
)"""  # noqa: S608  (built from constants)

# The downloaded rows of a sync, before they are stored; see ``sync.statements``.
APPLY_TO_INCOMING: Final = (
    OUTCOME.format(
        rows="""incoming AS transaction JOIN banking_account AS account ON account.id = transaction.account_id
    WHERE NOT transaction.gone AND transaction.is_kept""",
        selected="SELECT * FROM candidate",
    )
    + """, tagged AS (
    SELECT match.id, jsonb_object_agg(rule_tag.tag_id, match.rule_id) AS tags
    FROM match JOIN banking_ruletag AS rule_tag ON rule_tag.rule_id = match.rule_id GROUP BY match.id
)
UPDATE incoming
SET user_category = coalesce(outcome.category, incoming.user_category),
    category_source = CASE WHEN category IS NULL THEN incoming.category_source ELSE 'rule' END,
    category_rule = coalesce(outcome.category_rule, incoming.category_rule),
    user_merchant = coalesce(outcome.rename, incoming.user_merchant),
    merchant_source = CASE WHEN rename IS NULL THEN incoming.merchant_source ELSE 'rule' END,
    merchant_rule = coalesce(outcome.merchant_rule, incoming.merchant_rule),
    hidden = outcome.hidden_rule IS NOT NULL OR incoming.hidden,
    hidden_source = CASE WHEN outcome.hidden_rule IS NULL THEN incoming.hidden_source ELSE 'rule' END,
    hidden_rule = coalesce(outcome.hidden_rule, incoming.hidden_rule),
    -- The tags of the pending row stay as they are.
    tags = coalesce(tagged.tags, '{}') || incoming.tags
FROM outcome LEFT JOIN tagged ON tagged.id = outcome.id
WHERE incoming.id = outcome.id
"""
)

# The stored rows on which one rule would change something, with what it sets: NULL where another rule has precedence,
# where the person decided, or where the value is there already.
RULE_TARGETS: Final = (
    OUTCOME.format(
        rows="""banking_transaction AS transaction
    JOIN banking_account AS account ON account.id = transaction.account_id
    WHERE transaction.owner_id = %(owner)s AND transaction.removed_at IS NULL""",
        # Only what the rule matches is compared with the other rules.
        selected=f"""SELECT candidate.* FROM candidate JOIN rule ON rule.id = %(rule)s
        AND (rule.merchant = '' OR rule.merchant = candidate.merchant) AND {CONDITIONS}""",  # noqa: S608
    )
    + """, effect AS (
    SELECT outcome.id,
        CASE WHEN outcome.category_rule = %(rule)s
            AND (user_category, category_source) <> (outcome.category, 'rule') THEN outcome.category END AS category,
        CASE WHEN outcome.merchant_rule = %(rule)s
            AND (user_merchant, merchant_source) <> (outcome.rename, 'rule') THEN outcome.rename END AS rename,
        outcome.hidden_rule = %(rule)s AND NOT transaction.hidden IS TRUE AS hides,
        EXISTS (
            SELECT FROM banking_ruletag AS rule_tag
            WHERE rule_tag.rule_id = %(rule)s AND NOT EXISTS (
                SELECT FROM banking_transactiontag AS given
                WHERE given.transaction = outcome.id AND given.tag_id = rule_tag.tag_id)) AS is_tagged
    FROM outcome JOIN banking_transaction AS transaction ON transaction.id = outcome.id
    WHERE transaction.owner_id = %(owner)s
), target AS MATERIALIZED (
    SELECT effect.id, effect.category, effect.rename, coalesce(effect.hides, false) AS hides, effect.is_tagged
    FROM effect
    WHERE effect.category IS NOT NULL OR effect.rename IS NOT NULL OR effect.hides OR effect.is_tagged
)"""
)

PREVIEW_RULE: Final = (
    RULE_TARGETS
    + """
SELECT count(*) OVER (), transaction.id, transaction.day,
    coalesce(nullif(user_merchant, ''), nullif(merchant_name, ''), name),
    amount, currency, coalesce(nullif(user_category, ''), transaction.category),
    target.category, target.rename, target.hides, target.is_tagged
FROM target JOIN banking_transaction AS transaction ON transaction.id = target.id
ORDER BY transaction.day DESC, transaction.id DESC LIMIT %(limit)s
"""
)

BEFORE_COLUMNS: Final = (
    *("user_category", "category_source", "category_rule", "user_merchant", "merchant_source", "merchant_rule"),
    *("hidden", "hidden_source", "hidden_rule"),
)
_BEFORE: Final = ", ".join(BEFORE_COLUMNS)
_STORED: Final = ", ".join(f"stored.{column}" for column in BEFORE_COLUMNS)
_OLD: Final = ", ".join(f"old.{column}" for column in BEFORE_COLUMNS)

# The newest rows first, at most ``limit``. A row that a person changes meanwhile is left alone.
APPLY_RULE: Final = (
    RULE_TARGETS
    + f""", old AS MATERIALIZED (
    SELECT target.id, target.category, target.rename, target.hides, {_STORED}
    FROM target JOIN banking_transaction AS stored ON stored.id = target.id
    ORDER BY stored.day DESC, stored.id DESC LIMIT %(limit)s
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
    WHERE stored.id = old.id AND ({_STORED}) IS NOT DISTINCT FROM ({_OLD})
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
)

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
    FROM banking_rulechange AS change JOIN banking_transaction AS stored ON stored.id = change.transaction
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
    WHERE stored.id = change.id AND (restores_category OR restores_merchant OR restores_hidden)
    RETURNING stored.id
), untagged AS (
    DELETE FROM banking_transactiontag WHERE owner_id = %(owner)s AND run = %(run)s RETURNING transaction AS id
)
SELECT count(*) FROM (SELECT id FROM restored UNION SELECT id FROM untagged) AS undone
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
