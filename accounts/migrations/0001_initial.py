"""People, sign-in limits and notifications."""

import uuid
from decimal import Decimal

import django.db.models.functions.text
import django.utils.timezone
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
import compliance.vault.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("email", models.EmailField(max_length=255)),
                ("first_name", models.CharField(blank=True, max_length=100)),
                ("last_name", models.CharField(blank=True, max_length=100)),
                ("link_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("is_active", models.BooleanField(default=True)),
                ("is_staff", models.BooleanField(default=False)),
                ("unread", models.PositiveIntegerField(default=0, editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(django.db.models.functions.text.Lower("email"), name="one_user_per_email")
                ]
            },
        ),
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user", models.ForeignKey(on_delete=models.DO_NOTHING, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("type", models.CharField(max_length=20)),
            ],
            options={"db_table": "mfa_authenticator", "managed": False, "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Notification",
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
                ("type", models.CharField(max_length=30)),
                ("code", models.CharField(max_length=40)),
                ("values", compliance.vault.fields.SealedTextField(null=True)),
                ("url", models.CharField(blank=True)),
                ("fingerprint", models.CharField(max_length=64)),
                ("in_app", models.BooleanField()),
                ("email_pending", models.BooleanField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("read_at", models.DateTimeField(null=True)),
                ("emailed_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("in_app", True), ("read_at", None)),
                        fields=["owner"],
                        name="unread_notifications",
                    ),
                    models.Index(
                        condition=models.Q(("email_pending", True)), fields=["owner"], name="notifications_to_email"
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
                ("disabled", models.JSONField(default=list)),
                ("time_zone", models.CharField(default="UTC", max_length=60)),
                ("frequency", models.CharField(default="immediate", max_length=10)),
                ("quiet_hours_start", models.TimeField(null=True)),
                ("quiet_hours_end", models.TimeField(null=True)),
                ("large_transaction", models.DecimalField(decimal_places=2, default=Decimal("500"), max_digits=14)),
                ("digest_due_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("digest_due_at__isnull", False)), fields=["digest_due_at"], name="digests_due"
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("owner",), name="one_settings_per_person")],
            },
        ),
        migrations.CreateModel(
            name="LoginThrottle",
            fields=[
                ("key", models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ("failures", models.PositiveIntegerField()),
                ("failed_at", models.DateTimeField()),
                ("locked_at", models.DateTimeField(null=True)),
                ("locked_until", models.DateTimeField(null=True)),
            ],
        ),
    ]
