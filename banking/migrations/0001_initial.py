"""The tables of banks, accounts and transactions."""

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import banking.providers
import compliance.isolation.models
import compliance.vault.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="Institution",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(max_length=20)),
                ("provider_id", models.CharField(max_length=100)),
                ("name", models.CharField()),
                ("url", models.CharField(blank=True)),
                ("color", models.CharField(blank=True)),
                ("fetched_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("provider", "provider_id"), name="one_row_per_institution")
                ]
            },
        ),
        migrations.CreateModel(
            name="Item",
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
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("provider", models.CharField(choices=banking.providers.provider_choices, default="plaid", max_length=20)),
                ("environment", models.CharField(max_length=20)),
                ("provider_item_id", models.CharField(max_length=100)),
                ("institution", models.ForeignKey(null=True, on_delete=models.PROTECT, to="banking.institution")),
                ("institution_name", models.CharField(blank=True)),
                ("access_token", compliance.vault.fields.SealedTextField(null=True)),
                (
                    "connection",
                    models.CharField(
                        choices=[
                            ("active", "Connected"),
                            ("login_required", "Sign-in needed"),
                            ("needs_consent", "Consent needed"),
                            ("needs_repair", "Needs repair"),
                            ("revoked", "Access withdrawn"),
                            ("unsupported", "Not supported"),
                            ("removing", "Disconnecting"),
                            ("removed", "Disconnected"),
                        ],
                        default="active",
                        max_length=20,
                    ),
                ),
                (
                    "readiness",
                    models.CharField(
                        choices=[("not_ready", "not_ready"), ("initial", "initial"), ("historical", "historical")],
                        default="not_ready",
                        max_length=20,
                    ),
                ),
                ("cursor", models.TextField(blank=True)),
                ("days_requested", models.PositiveSmallIntegerField(default=730)),
                ("connected_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("checked_at", models.DateTimeField(null=True)),
                ("data_as_of", models.DateTimeField(null=True)),
                ("removed_at", models.DateTimeField(null=True)),
                ("skipped_transactions", models.PositiveIntegerField(db_default=0, default=0)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("error_code", models.CharField(blank=True, max_length=100)),
                (
                    "fault",
                    models.CharField(
                        blank=True,
                        choices=[("ours", "ours"), ("provider", "provider"), ("bank", "bank")],
                        max_length=10,
                    ),
                ),
                ("request_id", models.CharField(blank=True, max_length=100)),
                ("next_sync_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("is_slow", models.BooleanField(db_default=False, default=False)),
                ("sync_requested_at", models.DateTimeField(null=True)),
                ("refreshed_at", models.DateTimeField(null=True)),
                ("lease_holder", models.UUIDField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("connection", "active")), fields=["next_sync_at"], name="items_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "environment", "provider_item_id"), name="one_row_per_item"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SyncRun",
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
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("item", models.ForeignKey(on_delete=models.CASCADE, related_name="runs", to="banking.item")),
                ("trigger", models.CharField(max_length=20)),
                (
                    "result",
                    models.CharField(
                        choices=[("running", "Running"), ("ok", "Ok"), ("failed", "Failed")],
                        default="running",
                        max_length=10,
                    ),
                ),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
                ("pages", models.PositiveIntegerField(default=0)),
                ("written", models.PositiveIntegerField(default=0)),
                ("removed", models.PositiveIntegerField(default=0)),
                ("restarts", models.PositiveSmallIntegerField(default=0)),
                ("skipped_rows", models.PositiveIntegerField(db_default=0, default=0)),
                ("field_errors", models.TextField(blank=True, db_default="", default="")),
                ("error_code", models.CharField(blank=True, max_length=100)),
                ("request_id", models.CharField(blank=True, max_length=100)),
            ],
            options={"indexes": [models.Index(fields=["item", "-started_at"], name="runs_of_item")]},
        ),
        migrations.CreateModel(
            name="PendingRemoval",
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
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("item", models.OneToOneField(on_delete=models.CASCADE, related_name="removal", to="banking.item")),
                ("access_token", compliance.vault.fields.SealedTextField(null=True)),
                (
                    "history",
                    models.CharField(
                        blank=True,
                        choices=[("keep", "Keep"), ("delete", "Delete")],
                        db_default="",
                        default="",
                        max_length=6,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("error_code", models.CharField(blank=True, max_length=100)),
            ],
            options={"indexes": [models.Index(fields=["next_attempt_at"], name="removals_due")]},
        ),
        migrations.CreateModel(
            name="Account",
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
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        db_index=False, on_delete=models.CASCADE, related_name="accounts", to="banking.item"
                    ),
                ),
                ("provider_id", models.CharField(max_length=256)),
                ("persistent_id", models.CharField(blank=True, max_length=256)),
                ("name", models.CharField()),
                ("official_name", models.CharField(blank=True)),
                ("mask", models.CharField(blank=True)),
                ("type", models.CharField()),
                ("subtype", models.CharField(blank=True)),
                ("current", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("available", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("limit", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("currency", models.CharField(blank=True)),
                ("balance_as_of", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "successor",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=models.SET_NULL,
                        related_name="predecessors",
                        to="banking.account",
                    ),
                ),
                ("succeeded_on", models.DateField(null=True)),
                ("purged_before", models.DateField(null=True)),
                ("purged_since", models.DateField(null=True)),
                ("totals_until", models.DateField(null=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("item", "provider_id"), name="one_row_per_account")]
            },
        ),
        migrations.CreateModel(
            name="BalanceSnapshot",
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
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=models.CASCADE, related_name="snapshots", to="banking.account"
                    ),
                ),
                ("day", models.DateField()),
                ("current", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("available", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("limit", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("currency", models.CharField(blank=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "account", "day"), name="one_snapshot_per_day")
                ]
            },
        ),
        migrations.CreateModel(
            name="LinkSession",
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
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("provider", models.CharField(choices=banking.providers.provider_choices, default="plaid", max_length=20)),
                ("environment", models.CharField(default="", max_length=20)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("exchanging", "Exchanging"),
                            ("pending", "Pending"),
                            ("lost", "Lost"),
                            ("linked", "Linked"),
                            ("duplicate", "Duplicate"),
                            ("abandoned", "Abandoned"),
                            ("failed", "Failed"),
                        ],
                        default="open",
                        max_length=12,
                    ),
                ),
                ("link_token_hash", models.CharField(max_length=64, unique=True)),
                ("link_token", compliance.vault.fields.SealedTextField(null=True)),
                ("resumed_at", models.DateTimeField(null=True)),
                ("public_token_hash", models.CharField(max_length=64, null=True)),
                ("claimed_at", models.DateTimeField(null=True)),
                ("exchange_sent_at", models.DateTimeField(null=True)),
                ("next_recovery_at", models.DateTimeField(null=True)),
                ("recovery_attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "item",
                    models.ForeignKey(
                        null=True, on_delete=models.CASCADE, related_name="link_sessions", to="banking.item"
                    ),
                ),
                ("is_update_mode", models.BooleanField(default=False)),
                (
                    "replaces",
                    models.ForeignKey(null=True, on_delete=models.CASCADE, related_name="+", to="banking.item"),
                ),
                ("account_keys", models.JSONField(db_default=models.Value([], models.JSONField()), default=list)),
                ("error_code", models.CharField(blank=True, max_length=100)),
                ("link_session_id", models.CharField(blank=True, max_length=100)),
                ("exit_status", models.CharField(blank=True, max_length=100)),
                ("request_id", models.CharField(blank=True, max_length=100)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("pending", "exchanging"))),
                        fields=["next_recovery_at", "claimed_at"],
                        name="links_pending",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "public_token_hash"), name="one_session_per_public_token")
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookReceipt",
            fields=[
                ("fingerprint", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("received_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="Transaction",
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
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=models.CASCADE, related_name="transactions", to="banking.account"
                    ),
                ),
                ("provider_id", models.CharField(max_length=256)),
                ("amount", models.DecimalField(decimal_places=10, max_digits=28)),
                ("provider_amount", models.DecimalField(decimal_places=10, max_digits=28)),
                ("currency", models.CharField()),
                ("day", models.DateField()),
                ("date", models.DateField()),
                ("authorized_date", models.DateField(null=True)),
                ("name", models.CharField()),
                ("merchant_name", models.CharField(blank=True)),
                ("pending", models.BooleanField(default=False)),
                ("pending_id", models.CharField(blank=True, max_length=256)),
                ("category", models.CharField(blank=True)),
                ("category_detail", models.CharField(blank=True)),
                ("category_confidence", models.CharField(blank=True)),
                ("payment_channel", models.CharField(blank=True)),
                ("user_category", models.CharField(blank=True, max_length=60)),
                ("note", models.TextField(blank=True)),
                ("hidden", models.BooleanField(default=False)),
                ("removed_at", models.DateTimeField(null=True)),
                (
                    "replaced_by",
                    models.CharField(
                        blank=True,
                        choices=[("posted", "The posted transaction"), ("successor", "The same account, read anew")],
                        db_default="",
                        default="",
                        max_length=10,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("owner"),
                        models.OrderBy(models.F("day"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="newest_first_per_owner",
                    ),
                    models.Index(
                        condition=models.Q(
                            models.Q(("pending", True), ("removed_at", None)),
                            ("replaced_by", "posted"),
                            _connector="OR",
                        ),
                        fields=["account"],
                        name="pending_of_account",
                    ),
                    models.Index(
                        condition=models.Q(("pending_id", ""), _negated=True),
                        fields=["account", "pending_id"],
                        name="posted_for_pending",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "provider_id"), name="one_row_per_transaction")
                ],
            },
        ),
        migrations.CreateModel(
            name="Transfer",
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
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("money_out", models.UUIDField(unique=True)),
                ("money_in", models.UUIDField(unique=True)),
                ("sent_on", models.DateField()),
                ("detected_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={"indexes": [models.Index(fields=["owner", "sent_on"], name="transfers_by_day")]},
        ),
    ]
