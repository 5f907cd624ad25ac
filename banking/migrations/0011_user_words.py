"""A person's own merchant names and tags, who set each column, and rules with their runs; their row-level security."""

import compliance.isolation.models
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


from compliance.isolation.migrations import IsolateByOwner, OwnedReference

REFERENCED = ("Tag", "CategoryRule", "RuleRun")
# Nothing refers to a row of these tables.
UNREFERENCED = ("TransactionTag", "RuleTag", "RuleChange")
REFERENCES = (
    ("TransactionTag", "tag"),
    ("CategoryRule", "account"),
    ("RuleTag", "rule"),
    ("RuleTag", "tag"),
    ("RuleRun", "rule"),
    ("RuleChange", "run"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("banking", "0010_limits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="transaction",
            name="category_rule",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="transaction",
            name="category_source",
            field=models.CharField(
                blank=True, choices=[("person", "Person"), ("rule", "Rule")], db_default="", default="", max_length=6
            ),
        ),
        migrations.AddField(
            model_name="transaction",
            name="hidden_rule",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="transaction",
            name="hidden_source",
            field=models.CharField(
                blank=True, choices=[("person", "Person"), ("rule", "Rule")], db_default="", default="", max_length=6
            ),
        ),
        migrations.AddField(
            model_name="transaction",
            name="merchant_rule",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="transaction",
            name="merchant_source",
            field=models.CharField(
                blank=True, choices=[("person", "Person"), ("rule", "Rule")], db_default="", default="", max_length=6
            ),
        ),
        migrations.AddField(
            model_name="transaction",
            name="user_merchant",
            field=models.CharField(blank=True, db_default="", default="", max_length=100),
        ),
        migrations.CreateModel(
            name="CategoryRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.IntegerField()),
                ("merchant", models.CharField(blank=True, max_length=200)),
                ("name_part", models.CharField(blank=True, max_length=200)),
                (
                    "direction",
                    models.CharField(blank=True, choices=[("in", "Money in"), ("out", "Money out")], max_length=3),
                ),
                ("min_amount", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("max_amount", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("category", models.CharField(blank=True, max_length=60)),
                ("rename", models.CharField(blank=True, max_length=100)),
                ("hides", models.BooleanField(default=False)),
                ("is_enabled", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="banking.account"
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RuleRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("changed", models.PositiveIntegerField(default=0)),
                ("undone_at", models.DateTimeField(null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="runs", to="banking.categoryrule"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RuleChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("transaction", models.UUIDField(db_index=True)),
                ("user_category", models.CharField(blank=True, max_length=60)),
                (
                    "category_source",
                    models.CharField(blank=True, choices=[("person", "Person"), ("rule", "Rule")], max_length=6),
                ),
                ("category_rule", models.UUIDField(null=True)),
                ("user_merchant", models.CharField(blank=True, max_length=100)),
                (
                    "merchant_source",
                    models.CharField(blank=True, choices=[("person", "Person"), ("rule", "Rule")], max_length=6),
                ),
                ("merchant_rule", models.UUIDField(null=True)),
                ("hidden", models.BooleanField()),
                (
                    "hidden_source",
                    models.CharField(blank=True, choices=[("person", "Person"), ("rule", "Rule")], max_length=6),
                ),
                ("hidden_rule", models.UUIDField(null=True)),
                ("new_category", models.CharField(blank=True, max_length=60)),
                ("new_merchant", models.CharField(blank=True, max_length=100)),
                ("hides", models.BooleanField()),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="banking.rulerun",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Tag",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RuleTag",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rule_tags",
                        to="banking.categoryrule",
                    ),
                ),
                (
                    "tag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="on_rules", to="banking.tag"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TransactionTag",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("transaction", models.UUIDField()),
                ("rule", models.UUIDField(null=True)),
                ("run", models.UUIDField(null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="on_transactions", to="banking.tag"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="categoryrule",
            index=models.Index(fields=["owner", "position"], name="rules_of_owner"),
        ),
        migrations.AddConstraint(
            model_name="rulechange",
            constraint=models.UniqueConstraint(fields=("run", "transaction"), name="one_change_per_run"),
        ),
        migrations.AddConstraint(
            model_name="tag",
            constraint=models.UniqueConstraint(
                models.F("owner"), django.db.models.functions.text.Lower("name"), name="one_tag_per_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="ruletag",
            constraint=models.UniqueConstraint(fields=("rule", "tag"), name="one_tag_per_rule"),
        ),
        migrations.AddConstraint(
            model_name="transactiontag",
            constraint=models.UniqueConstraint(fields=("transaction", "tag"), name="one_tag_per_transaction"),
        ),
        *(IsolateByOwner(model) for model in REFERENCED),
        *(IsolateByOwner(model, owner_key=False) for model in UNREFERENCED),
        *(OwnedReference(model, field) for model, field in REFERENCES),
    ]
