"""What people say about their transactions: categories, own names of merchants, tags, hidden rows, and rules for them.

Three sources set a transaction's category, merchant name and hidden flag: the provider, a rule, the person. What the
person set, no rule and no sync changes; what a rule set, a later rule may. The provider's values stay in columns of
their own.

``editing`` and ``bulk_edits`` store what a person sets, ``new_rows`` applies rules to what a sync stores, and
``rule_runs`` applies a rule to stored transactions at a person's request, and undoes that.
"""
