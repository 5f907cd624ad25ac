"""The terms of cards and loans, recurring payments, their row-level security, and when a product is read again."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import GrantOperatorRead, IsolateByOwner, OwnedReference


class Migration(migrations.Migration):
    dependencies = [
        ("banking", "0012_item_read_at"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="itemproduct",
            name="field_errors",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="itemproduct",
            name="next_read_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="itemproduct",
            name="skipped_rows",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.CreateModel(
            name="Liability",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("credit", "Card terms"),
                            ("student", "Student loan terms"),
                            ("mortgage", "Mortgage terms"),
                            ("loan", "Loan terms"),
                            ("line_of_credit", "Credit line terms"),
                        ],
                        max_length=20,
                    ),
                ),
                ("is_overdue", models.BooleanField(null=True)),
                ("past_due_amount", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("minimum_payment_amount", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("next_payment_amount", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("next_payment_due_date", models.DateField(null=True)),
                ("last_payment_amount", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("last_payment_date", models.DateField(null=True)),
                ("last_statement_balance", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("last_statement_issue_date", models.DateField(null=True)),
                ("interest_rate", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("interest_rate_type", models.CharField(blank=True)),
                ("outstanding_interest_amount", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("ytd_interest_paid", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("ytd_principal_paid", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("escrow_balance", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("origination_date", models.DateField(null=True)),
                ("origination_principal_amount", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("maturity_date", models.DateField(null=True)),
                ("loan_name", models.CharField(blank=True)),
                ("loan_status", models.CharField(blank=True)),
                ("repayment_plan", models.CharField(blank=True)),
                ("read_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="liability", to="banking.account"
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
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="LiabilityApr",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("type", models.CharField()),
                ("percentage", models.DecimalField(decimal_places=10, max_digits=28)),
                ("balance_subject_to_apr", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("interest_charge_amount", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                (
                    "liability",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="aprs", to="banking.liability"
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
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="RecurringStream",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("provider_id", models.CharField(max_length=256)),
                ("is_inflow", models.BooleanField()),
                ("description", models.CharField(blank=True)),
                ("merchant_name", models.CharField(blank=True)),
                ("category", models.CharField(blank=True)),
                ("category_detail", models.CharField(blank=True)),
                ("frequency", models.CharField(blank=True)),
                ("average_amount", models.DecimalField(decimal_places=10, max_digits=28)),
                ("last_amount", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("currency", models.CharField()),
                ("first_date", models.DateField(null=True)),
                ("last_date", models.DateField()),
                ("predicted_next_date", models.DateField(null=True)),
                ("status", models.CharField(blank=True)),
                ("is_active", models.BooleanField()),
                ("read_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recurring_streams",
                        to="banking.account",
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
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "provider_id"), name="one_row_per_recurring_stream")
                ],
            },
        ),
        IsolateByOwner("Liability"),
        IsolateByOwner("LiabilityApr", owner_key=False),
        IsolateByOwner("RecurringStream", owner_key=False),
        OwnedReference("Liability", "account"),
        OwnedReference("LiabilityApr", "liability"),
        OwnedReference("RecurringStream", "account"),
        GrantOperatorRead(
            "banking.ItemProduct",
            columns=[
                "id", "owner_id", "item_id", "product", "status", "error_code", "checked_at", "last_ok_at",
                "next_read_at", "skipped_rows", "field_errors",
            ],
        ),
    ]
