"""What the operators' site reads of the audit trails: the readable part of every event."""

from django.db import migrations

EVENTS = """
    SET ROLE audit_owner;
    GRANT SELECT (id, at, subject, actor, action, resource, resource_id, outcome) ON audit_event TO app_viewer;
    CREATE POLICY audit_event_of_viewer ON audit_event FOR SELECT TO app_viewer USING (true);
    RESET ROLE;
"""
NO_EVENTS = """
    SET ROLE audit_owner;
    DROP POLICY audit_event_of_viewer ON audit_event;
    REVOKE SELECT (id, at, subject, actor, action, resource, resource_id, outcome) ON audit_event FROM app_viewer;
    RESET ROLE;
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0002_audit")]

    operations = [
        migrations.RunSQL(
            "GRANT EXECUTE ON FUNCTION app_tenant() TO app_viewer",
            "REVOKE EXECUTE ON FUNCTION app_tenant() FROM app_viewer",
        ),
        migrations.RunSQL(EVENTS, NO_EVENTS),
    ]
