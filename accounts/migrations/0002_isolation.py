"""Row-level security of notifications, what a second factor has to look like, and what operators may read of people."""

from django.db import migrations

from compliance.isolation.migrations import DefinerFunction, IsolateByOwner, GrantOperatorRead

# A value that is false as JSON (``0``, ``false``) would count as a second factor that nobody can sign in with.
SECOND_FACTOR_CONSTRAINTS = """
    ALTER TABLE mfa_authenticator
        ADD CONSTRAINT second_factor_is_object CHECK (jsonb_typeof(data) = 'object'),
        ADD CONSTRAINT passkey_has_credential
            CHECK (type <> 'webauthn' OR coalesce(jsonb_typeof(data -> 'credential'), '') = 'object')
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("usersessions", "0001_initial"),
        ("compliance", "0002_isolation"),
    ]

    operations = [
        IsolateByOwner("Notification"),
        IsolateByOwner("NotificationSettings"),
        DefinerFunction(
            "accounts_claim_due_digests",
            "due_before timestamptz, claimed_until timestamptz, batch_size integer",
            "TABLE (owner_id uuid)",
            # Moving digest_due_at is the claim: a second dispatcher passes over what the first one holds.
            """
            UPDATE accounts_notificationsettings AS settings SET digest_due_at = claimed_until
            FROM (
                SELECT id FROM accounts_notificationsettings
                WHERE digest_due_at <= due_before
                ORDER BY digest_due_at LIMIT batch_size FOR UPDATE SKIP LOCKED
            ) AS due
            WHERE settings.id = due.id
            RETURNING settings.owner_id
            """,
            updates={"accounts_notificationsettings": ["digest_due_at"]},
        ),
        migrations.RunSQL(SECOND_FACTOR_CONSTRAINTS),
        # Who people are, how they sign in and from where; nothing that could be used to sign in as them.
        GrantOperatorRead(
            "accounts.User",
            columns=[
                "id", "email", "first_name", "last_name", "is_active", "is_staff",
                "created_at", "last_login", "deleted_at",
            ],
        ),
        GrantOperatorRead("account.EmailAddress", columns=["id", "user_id", "email", "verified", "primary"]),
        GrantOperatorRead("mfa.Authenticator", columns=["id", "user_id", "type", "created_at", "last_used_at"]),
        GrantOperatorRead(
            "usersessions.UserSession",
            columns=["id", "user_id", "ip", "user_agent", "created_at", "last_seen_at"],
        ),
    ]
