"""The consent ledger: a table that only grows, each row tied to its person, its text and what it ends."""

import django.db.models.expressions
from django.db import migrations, models

import compliance.isolation.models
import compliance.vault.fields
from compliance.isolation.migrations import IsolateByOwner

# A withdrawal ends a consent of its own person, and a fingerprint is the one of the text beside it.
TIES = """
    ALTER TABLE compliance_consentevent
        ADD CONSTRAINT compliance_consentevent_ends_same_owner
            FOREIGN KEY (owner, ends) REFERENCES compliance_consentevent (owner, id),
        ADD CONSTRAINT fingerprint_of_text
            CHECK (kind <> 'given' OR sha256 = encode(sha256(convert_to(text, 'UTF8')), 'hex'));
"""
NO_TIES = """
    ALTER TABLE compliance_consentevent
        DROP CONSTRAINT compliance_consentevent_ends_same_owner,
        DROP CONSTRAINT fingerprint_of_text;
"""

# Operators may seal the typed name again under a new key, and that is all. ENABLE ALWAYS: also in a session that
# pretends to be a replica, where ordinary triggers are off.
GUARDS = """
    CREATE FUNCTION consent_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$ BEGIN
            IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'typed_name' = to_jsonb(OLD) - 'typed_name' THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'A consent is never changed.' USING ERRCODE = 'insufficient_privilege';
        END $$;

    CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON compliance_consentevent
        FOR EACH ROW EXECUTE FUNCTION consent_refuse();
    CREATE TRIGGER keep_all BEFORE TRUNCATE ON compliance_consentevent
        FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse();
    ALTER TABLE compliance_consentevent ENABLE ALWAYS TRIGGER keep, ENABLE ALWAYS TRIGGER keep_all;

    REVOKE ALL ON compliance_consentevent FROM app_ops;
    GRANT SELECT, UPDATE (typed_name) ON compliance_consentevent TO app_ops;
"""
NO_GUARDS = """
    DROP TRIGGER keep ON compliance_consentevent;
    DROP TRIGGER keep_all ON compliance_consentevent;
    DROP FUNCTION consent_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0003_viewer")]

    operations = [
        migrations.CreateModel(
            name="ConsentEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("owner", models.UUIDField(editable=False)),
                (
                    "kind",
                    models.CharField(choices=[("given", "Given"), ("withdrawn", "Withdrawn")], max_length=10),
                ),
                ("purpose", models.CharField(max_length=20)),
                ("version", models.CharField(max_length=40)),
                ("sha256", models.CharField(max_length=64)),
                ("text", models.TextField(blank=True)),
                ("typed_name", compliance.vault.fields.SealedTextField(null=True, owner="owner")),
                ("scope", models.JSONField(default=dict)),
                ("locale", models.CharField(max_length=20)),
                ("method", models.CharField(max_length=20)),
                ("ip", models.GenericIPAddressField(null=True)),
                ("user_agent", models.CharField(blank=True, max_length=300)),
                ("at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("ends", models.UUIDField(null=True)),
            ],
            options={"ordering": ["-at", "-id"]},
        ),
        migrations.AddIndex(
            model_name="consentevent",
            index=models.Index(
                models.F("owner"),
                models.F("purpose"),
                django.db.models.expressions.OrderBy(models.F("at"), descending=True),
                name="newest_consent",
            ),
        ),
        migrations.AddConstraint(
            model_name="consentevent",
            constraint=models.UniqueConstraint(fields=["ends"], name="one_withdrawal_per_consent"),
        ),
        migrations.AddConstraint(
            model_name="consentevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends", None), ("expires_at__gt", models.F("at")), ("kind", "given"))
                | models.Q(("ends__isnull", False), ("expires_at", None), ("kind", "withdrawn"), ("text", "")),
                name="given_or_withdrawn",
            ),
        ),
        IsolateByOwner("ConsentEvent", privileges=("SELECT", "INSERT")),
        migrations.RunSQL(TIES, NO_TIES),
        migrations.RunSQL(GUARDS, NO_GUARDS),
    ]
