"""What people are told, how they want to be told, and the one question about everybody: whose mail is due."""

from decimal import Decimal

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import DefinerFunction, IsolateByOwner


def key():
    return models.UUIDField(
        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
    )


def owner():
    return models.ForeignKey(
        db_index=False,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_viewer"), ("compliance", "0002_isolation")]

    operations = [
        migrations.AddField("User", "unread", models.PositiveIntegerField(default=0, editable=False)),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", key()),
                ("kind", models.CharField(max_length=30)),
                ("title", models.CharField()),
                ("text", models.TextField(blank=True)),
                ("url", models.CharField(blank=True)),
                ("fingerprint", models.CharField(max_length=64)),
                ("in_app", models.BooleanField()),
                ("awaits_mail", models.BooleanField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("read_at", models.DateTimeField(null=True)),
                ("mailed_at", models.DateTimeField(null=True)),
                ("owner", owner()),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("in_app", True), ("read_at", None)),
                        fields=["owner"],
                        name="unread_notifications",
                    ),
                    models.Index(
                        condition=models.Q(("awaits_mail", True)), fields=["owner"], name="unmailed_notifications"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "fingerprint"), name="one_notification_per_thing")
                ],
            },
        ),
        migrations.CreateModel(
            name="NotificationSettings",
            fields=[
                ("id", key()),
                ("off", models.JSONField(default=list)),
                ("zone", models.CharField(default="UTC", max_length=60)),
                ("pace", models.CharField(default="at_once", max_length=10)),
                ("quiet_from", models.TimeField(null=True)),
                ("quiet_until", models.TimeField(null=True)),
                ("large_change", models.DecimalField(decimal_places=2, default=Decimal(500), max_digits=14)),
                ("mail_due_at", models.DateTimeField(null=True)),
                ("owner", owner()),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("mail_due_at__isnull", False)), fields=["mail_due_at"], name="mails_due"
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("owner",), name="one_settings_per_person")],
            },
        ),
        IsolateByOwner("Notification"),
        IsolateByOwner("NotificationSettings"),
        DefinerFunction(
            "accounts_claim_due_mails",
            "moment timestamptz, until timestamptz, most integer",
            "TABLE (owner_id uuid)",
            # Moving the time on is the claim: a second dispatcher passes over what the first one holds.
            """
            UPDATE accounts_notificationsettings AS settings SET mail_due_at = until
            FROM (
                SELECT id FROM accounts_notificationsettings
                WHERE mail_due_at <= moment
                ORDER BY mail_due_at LIMIT most FOR UPDATE SKIP LOCKED
            ) AS due
            WHERE settings.id = due.id
            RETURNING settings.owner_id
            """,
            updates={"accounts_notificationsettings": ["mail_due_at"]},
        ),
    ]
