"""A rule over 100,000 transactions of one person who has the most rules: show what it would change, apply it, undo it.

Most of the other rules set other columns, or match nothing; one in ten matches a merchant and sets a category.
"""

from decimal import Decimal

from accounts.models import User
from banking.categorization.rule_runs import apply_rule, preview_rule, undo_run
from banking.categorization.rules import MAX_RULES, RuleValues, create_rule
from banking.models import CategoryRule
from bench.harness import database
from bench.harness.merchants import WEIGHTED_MERCHANTS
from bench.harness.rounds import goal_at_most, measure_seconds, print_result
from compliance.isolation import tenant

ROWS, ROUNDS = 100_000, 3
MOST_SECONDS = 5


def create_rules(user: User) -> CategoryRule:
    """Create as many rules as there may be, and return the last one, which matches every payment."""
    for number in range(MAX_RULES - 1):
        merchant = WEIGHTED_MERCHANTS[number % len(WEIGHTED_MERCHANTS)].name
        category = "TRAVEL" if number % 10 == 0 else ""
        limit = Decimal(number)
        create_rule(user=user, values=RuleValues(merchant=merchant, min_amount=limit, category=category, tags=("t",)))
    return create_rule(user=user, values=RuleValues(direction="out", rename="Payee", tags=("everything",)))


def main() -> None:
    database.prepare()
    user = database.create_user("ruler@plumbline.example")
    database.insert_history([user], rows_per_user=ROWS)
    database.vacuum()
    rule = create_rules(user)
    seconds: dict[str, list[float]] = {"preview": [], "apply": [], "undo": []}
    for _ in range(ROUNDS):
        with tenant(user.pk):
            seconds["preview"].append(measure_seconds(lambda: preview_rule(owner_id=user.pk, rule_id=rule.pk)))
        runs = []
        seconds["apply"].append(measure_seconds(lambda runs=runs: runs.append(apply_rule(user=user, rule_id=rule.pk))))
        seconds["undo"].append(measure_seconds(lambda runs=runs: undo_run(user=user, run_id=runs[0].pk)))
    print_result("rules", {f"seconds_{name}": goal_at_most(MOST_SECONDS, taken) for name, taken in seconds.items()})


if __name__ == "__main__":
    main()
