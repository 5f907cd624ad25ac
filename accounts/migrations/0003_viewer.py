"""What the operators' site reads of people: who they are, how they sign in and from where, nothing that lets one in."""

from django.db import migrations

from compliance.isolation.migrations import ShowOperators


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_second_factor"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("usersessions", "0001_initial"),
        ("compliance", "0002_isolation"),
    ]

    operations = [
        ShowOperators(
            "accounts.User",
            columns=[
                "id", "email", "first_name", "last_name", "is_active", "is_staff",
                "created_at", "last_login", "deleted_at",
            ],
        ),
        ShowOperators("account.EmailAddress", columns=["id", "user_id", "email", "verified", "primary"]),
        ShowOperators("mfa.Authenticator", columns=["id", "user_id", "type", "created_at", "last_used_at"]),
        ShowOperators(
            "usersessions.UserSession",
            columns=["id", "user_id", "ip", "user_agent", "created_at", "last_seen_at"],
        ),
    ]
