"""The audit trail: append-only tables, and a trigger that links each event into its chain when its transaction commits.

Everything here belongs to ``audit_owner``, a role that cannot log in. The site may insert an event, without choosing
its id or time, and read its tenant's events; it cannot write links or heads at all.
"""

from django.db import migrations, models

TABLES = """
    CREATE TABLE audit_event (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        subject uuid NOT NULL,
        actor uuid,
        action text NOT NULL CHECK (action ~ '^[a-z_]{1,60}$'),
        resource text NOT NULL CHECK (length(resource) <= 60),
        resource_id text NOT NULL CHECK (length(resource_id) <= 200),
        outcome text NOT NULL CHECK (outcome IN ('ok', 'refused', 'failed')),
        payload bytea NOT NULL CHECK (octet_length(payload) <= 16384)
    );
    CREATE INDEX audit_event_of_subject ON audit_event (subject, id);

    CREATE TABLE audit_link (
        event_id bigint PRIMARY KEY REFERENCES audit_event,
        subject uuid NOT NULL,
        sequence bigint NOT NULL,
        hash bytea NOT NULL,
        UNIQUE (subject, sequence)
    );

    CREATE TABLE audit_head (
        subject uuid PRIMARY KEY,
        sequence bigint NOT NULL,
        hash bytea NOT NULL
    );
"""

# The bytes that are hashed. Each part is preceded by its length, so no two events have the same bytes.
# ``link_hash`` in compliance/audit/chain.py does the same in Python.
BYTES = """
    CREATE FUNCTION audit_part(part bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
        SET search_path = pg_catalog, pg_temp
        AS $$ SELECT int4send(octet_length(coalesce(part, ''))) || coalesce(part, '') $$;

    CREATE FUNCTION audit_event_bytes(event audit_event) RETURNS bytea LANGUAGE sql IMMUTABLE
        SET search_path = public, pg_temp
        AS $$
            -- The order is part of the format: id, time in microseconds since 1970, then every other column.
            SELECT int8send(event.id)
                || int8send((extract(epoch FROM event.at) * 1000000)::bigint)
                || audit_part(uuid_send(event.subject))
                || audit_part(uuid_send(event.actor))
                || audit_part(convert_to(event.action, 'UTF8'))
                || audit_part(convert_to(event.resource, 'UTF8'))
                || audit_part(convert_to(event.resource_id, 'UTF8'))
                || audit_part(convert_to(event.outcome, 'UTF8'))
                || audit_part(event.payload)
        $$;
"""

# Deferred, so that the head of a chain is locked only during the commit, however long the transaction takes.
#
# The planner settings prevent a sequential scan at each commit: the table grows all the time, so its statistics are
# always out of date.
CHAIN = """
    CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off
        SET enable_mergejoin = off SET enable_bitmapscan = off
        AS $$
        DECLARE
            event audit_event;
            head audit_head;
        BEGIN
            -- The trigger runs once for each event; its first run has linked all events of the transaction.
            IF EXISTS (SELECT FROM audit_link l WHERE l.event_id = NEW.id) THEN
                RETURN NULL;
            END IF;
            -- An unlinked event that is visible here and not older than NEW belongs to this transaction: other
            -- transactions link theirs before they commit. Ordered by subject, so that two transactions that write into
            -- the same two chains cannot deadlock.
            FOR event IN
                WITH ours AS MATERIALIZED (
                    SELECT * FROM audit_event e
                     WHERE e.id >= NEW.id AND NOT EXISTS (SELECT FROM audit_link l WHERE l.event_id = e.id)
                )
                SELECT * FROM ours ORDER BY subject, id
            LOOP
                -- The first event of a chain continues a hash of its subject.
                INSERT INTO audit_head VALUES (event.subject, 0, sha256(uuid_send(event.subject)))
                    ON CONFLICT DO NOTHING;
                -- Transactions that write into one chain wait for each other here.
                SELECT * INTO head FROM audit_head h WHERE h.subject = event.subject FOR UPDATE;
                -- The link's hash covers its place, the previous hash and the event.
                head.sequence := head.sequence + 1;
                head.hash := sha256(int8send(head.sequence) || head.hash || audit_event_bytes(event));
                INSERT INTO audit_link VALUES (event.id, event.subject, head.sequence, head.hash);
                UPDATE audit_head SET sequence = head.sequence, hash = head.hash WHERE subject = event.subject;
            END LOOP;
            RETURN NULL;
        END $$;

    CREATE CONSTRAINT TRIGGER chain AFTER INSERT ON audit_event
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_chain();
    ALTER TABLE audit_event ENABLE ALWAYS TRIGGER chain;
"""

# ENABLE ALWAYS: also in a session that pretends to be a replica, where ordinary triggers are off.
GUARDS = """
    CREATE FUNCTION audit_reject_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$ BEGIN
            RAISE EXCEPTION 'The audit trail is never changed.' USING ERRCODE = 'insufficient_privilege';
        END $$;

    CREATE FUNCTION audit_check_head() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$ BEGIN
            IF NEW.subject <> OLD.subject OR NEW.sequence <> OLD.sequence + 1 THEN
                RAISE EXCEPTION 'A chain only grows, by one.' USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$;

    CREATE TRIGGER reject_change BEFORE UPDATE OR DELETE ON audit_event
        FOR EACH ROW EXECUTE FUNCTION audit_reject_change();
    CREATE TRIGGER reject_truncate BEFORE TRUNCATE ON audit_event
        FOR EACH STATEMENT EXECUTE FUNCTION audit_reject_change();
    CREATE TRIGGER reject_change BEFORE UPDATE OR DELETE ON audit_link
        FOR EACH ROW EXECUTE FUNCTION audit_reject_change();
    CREATE TRIGGER reject_truncate BEFORE TRUNCATE ON audit_link
        FOR EACH STATEMENT EXECUTE FUNCTION audit_reject_change();
    CREATE TRIGGER check_head BEFORE UPDATE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_check_head();
    CREATE TRIGGER reject_change BEFORE DELETE ON audit_head
        FOR EACH ROW EXECUTE FUNCTION audit_reject_change();
    CREATE TRIGGER reject_truncate BEFORE TRUNCATE ON audit_head
        FOR EACH STATEMENT EXECUTE FUNCTION audit_reject_change();

    ALTER TABLE audit_event ENABLE ALWAYS TRIGGER reject_change, ENABLE ALWAYS TRIGGER reject_truncate;
    ALTER TABLE audit_link ENABLE ALWAYS TRIGGER reject_change, ENABLE ALWAYS TRIGGER reject_truncate;
    ALTER TABLE audit_head
        ENABLE ALWAYS TRIGGER check_head, ENABLE ALWAYS TRIGGER reject_change, ENABLE ALWAYS TRIGGER reject_truncate;
"""


def privileges(table):
    return f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY {table}_of_tenant ON {table} TO app_rw
            USING (subject = (SELECT app_tenant())) WITH CHECK (subject = (SELECT app_tenant()));
        CREATE POLICY {table}_of_owner ON {table} TO audit_owner USING (true) WITH CHECK (true);
        GRANT SELECT ON {table} TO app_rw, app_ops;
    """


# By column, so that only the database sets the id and the time of an event.
INSERT_EVENTS = """
    GRANT INSERT (subject, actor, action, resource, resource_id, outcome, payload) ON audit_event TO app_rw;
"""

# What the operators' site reads of every trail: all of an event but its sealed payload.
READ_EVENTS = """
    GRANT SELECT (id, at, subject, actor, action, resource, resource_id, outcome) ON audit_event TO app_viewer;
    CREATE POLICY audit_event_of_viewer ON audit_event FOR SELECT TO app_viewer USING (true);
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0002_isolation")]

    operations = [
        migrations.RunSQL("SET ROLE audit_owner"),
        migrations.RunSQL(TABLES),
        migrations.RunSQL(BYTES),
        migrations.RunSQL(CHAIN),
        migrations.RunSQL(GUARDS),
        *(migrations.RunSQL(privileges(table)) for table in ("audit_event", "audit_link", "audit_head")),
        migrations.RunSQL(INSERT_EVENTS),
        migrations.RunSQL(READ_EVENTS),
        migrations.RunSQL("RESET ROLE"),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("subject", models.UUIDField()),
                ("actor", models.UUIDField(null=True)),
                ("action", models.TextField()),
                ("resource", models.TextField()),
                ("resource_id", models.TextField()),
                ("outcome", models.TextField()),
                ("payload", models.BinaryField()),
            ],
            options={"db_table": "audit_event", "ordering": ["-id"], "managed": False},
        ),
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("subject", models.UUIDField(primary_key=True, serialize=False)),
                ("sequence", models.BigIntegerField()),
                ("hash", models.BinaryField()),
            ],
            options={"db_table": "audit_head", "managed": False},
        ),
        migrations.CreateModel(
            name="AuditLink",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        on_delete=models.DO_NOTHING,
                        primary_key=True,
                        related_name="link",
                        serialize=False,
                        to="compliance.auditevent",
                    ),
                ),
                ("subject", models.UUIDField()),
                ("sequence", models.BigIntegerField()),
                ("hash", models.BinaryField()),
            ],
            options={"db_table": "audit_link", "managed": False},
        ),
    ]
