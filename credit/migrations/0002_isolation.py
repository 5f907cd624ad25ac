"""Row-level security, the scheduler's queries across all users, and what operators may read of the pulls."""

from django.db import migrations

from compliance.isolation.migrations import DefinerFunction, IsolateByOwner, OwnedReference, GrantOperatorRead

OWNED = ("Enrollment", "PullAttempt", "RawReport", "Report")
REFERENCES = (("RawReport", "attempt"), ("Report", "raw"))


class Migration(migrations.Migration):
    dependencies = [("credit", "0001_initial"), ("accounts", "0002_isolation"), ("compliance", "0002_isolation")]

    operations = [
        *(IsolateByOwner(model) for model in OWNED),
        *(OwnedReference(model, field) for model, field in REFERENCES),
        DefinerFunction(
            "credit_claim_due_pulls",
            "max_rows integer",
            "TABLE (owner_id uuid)",
            # Moving next_pull_at claims the pull. One that is lost on its way is due again half an hour later.
            """
            UPDATE credit_enrollment AS enrollment SET next_pull_at = now() + interval '30 minutes'
            FROM (
                SELECT id FROM credit_enrollment AS candidate
                WHERE next_pull_at <= now()
                  AND EXISTS (SELECT FROM accounts_user WHERE id = candidate.owner_id AND is_active AND deleted_at IS NULL)
                ORDER BY next_pull_at LIMIT max_rows FOR UPDATE SKIP LOCKED
            ) AS due
            WHERE enrollment.id = due.id
            RETURNING enrollment.owner_id
            """,
            updates={"credit_enrollment": ["next_pull_at"]},
        ),
        DefinerFunction(
            "credit_idle_ssns",
            "max_rows integer",
            "TABLE (owner_id uuid)",
            # A user who has not signed in for 90 days does not use what the number is stored for.
            """
            SELECT enrollment.owner_id FROM credit_enrollment AS enrollment
            JOIN accounts_user AS person ON person.id = enrollment.owner_id
            WHERE enrollment.ssn IS NOT NULL
              AND greatest(person.last_login, enrollment.enrolled_at) < now() - interval '90 days'
            LIMIT max_rows
            """,
        ),
        GrantOperatorRead(
            "credit.PullAttempt",
            columns=[
                "id", "owner_id", "status", "trigger", "reference_id", "purpose", "inquiry_class", "provider",
                "environment", "started_at", "finished_at", "error", "code",
            ],
        ),
        GrantOperatorRead(
            "credit.Enrollment",
            columns=[
                "id", "owner_id", "status", "status_changed_at", "failures", "succeeded_at", "eligible_at", "next_pull_at",
                "enrolled_at", "withdrawn_at",
            ],
        ),
    ]
