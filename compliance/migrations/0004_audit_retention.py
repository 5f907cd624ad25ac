"""The end of the audit trail's retention: its oldest events go, behind a checkpoint from which verification starts.

The triggers of ``0003_audit`` reject every change. They get one door, for rows that are more than 365 days old: a link
may be deleted once its chain has a checkpoint at or after it, and an event once its link is gone. A checkpoint only
moves ahead, never past a newer event. These rules are in the triggers, not in the function that is called, so they bind
every role; only who can disable triggers gets past them: a superuser, and app_owner, which may SET ROLE audit_owner. The
anchors show what they did.

Signatures are made and verified in Python (``compliance/audit/checkpoints.py``): a checkpoint without one is reported.
"""

from django.db import migrations, models

CHECKPOINTS = """
    CREATE TABLE audit_checkpoint (
        -- The last deleted link of a chain, and the time of the newest deleted event.
        subject uuid PRIMARY KEY,
        sequence bigint NOT NULL CHECK (sequence > 0),
        hash bytea NOT NULL,
        purged_until timestamptz NOT NULL,
        key_id text NOT NULL CHECK (length(key_id) BETWEEN 1 AND 63),
        signature bytea NOT NULL CHECK (octet_length(signature) = 64)
    );

    ALTER TABLE audit_checkpoint ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY audit_checkpoint_of_tenant ON audit_checkpoint FOR SELECT TO app_rw
        USING (subject = (SELECT app_tenant()));
    CREATE POLICY audit_checkpoint_of_owner ON audit_checkpoint TO audit_owner USING (true) WITH CHECK (true);
    GRANT SELECT ON audit_checkpoint TO app_rw, app_ops;
"""

# When a head last changed, so that an anchor lists only the chains that have grown since the previous one. The same
# function as in 0003_audit, except that it sets the time.
CHANGED_HEADS = """
    ALTER TABLE audit_head ADD changed_at timestamptz NOT NULL DEFAULT now();

    CREATE OR REPLACE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
                INSERT INTO audit_head (subject, sequence, hash)
                    VALUES (event.subject, 0, sha256(uuid_send(event.subject))) ON CONFLICT DO NOTHING;
                -- Transactions that write into one chain wait for each other here.
                SELECT * INTO head FROM audit_head h WHERE h.subject = event.subject FOR UPDATE;
                -- The link's hash covers its place, the previous hash and the event.
                head.sequence := head.sequence + 1;
                head.hash := sha256(int8send(head.sequence) || head.hash || audit_event_bytes(event));
                INSERT INTO audit_link VALUES (event.id, event.subject, head.sequence, head.hash);
                UPDATE audit_head SET sequence = head.sequence, hash = head.hash, changed_at = clock_timestamp()
                 WHERE subject = event.subject;
            END LOOP;
            RETURN NULL;
        END $$;
"""

# ENABLE ALWAYS: also in a session that pretends to be a replica, where ordinary triggers are off.
DOOR = """
    CREATE FUNCTION audit_purge_before() RETURNS timestamptz LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
        AS $$ SELECT now() - interval '365 days' $$;

    CREATE FUNCTION audit_check_checkpoint() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
        SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off
        AS $$ BEGIN
            IF current_user = 'audit_owner'
                -- Of the same chain, and ahead of the checkpoint that was there before.
                AND (TG_OP = 'INSERT' OR (NEW.subject = OLD.subject AND NEW.sequence > OLD.sequence))
                -- At a link of the chain, whose hash it keeps.
                AND EXISTS (SELECT FROM audit_link l WHERE l.subject = NEW.subject AND l.sequence = NEW.sequence
                            AND l.hash = NEW.hash)
                -- Past no event that is younger than what may be deleted, or later than it says itself.
                AND NEW.purged_until < audit_purge_before()
                AND NOT EXISTS (SELECT FROM audit_link l JOIN audit_event e ON e.id = l.event_id
                                WHERE l.subject = NEW.subject AND l.sequence <= NEW.sequence
                                AND e.at > NEW.purged_until)
            THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'The audit trail is never changed.' USING ERRCODE = 'insufficient_privilege';
        END $$;

    CREATE FUNCTION audit_check_link_purge() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
        AS $$ BEGIN
            IF current_user = 'audit_owner' AND EXISTS (
                SELECT FROM audit_checkpoint c WHERE c.subject = OLD.subject AND c.sequence >= OLD.sequence
            ) THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'The audit trail is never changed.' USING ERRCODE = 'insufficient_privilege';
        END $$;

    CREATE FUNCTION audit_check_event_purge() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
        AS $$ BEGIN
            IF current_user = 'audit_owner' AND OLD.at < audit_purge_before()
                AND NOT EXISTS (SELECT FROM audit_link l WHERE l.event_id = OLD.id)
            THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'The audit trail is never changed.' USING ERRCODE = 'insufficient_privilege';
        END $$;

    DROP TRIGGER reject_change ON audit_event;
    CREATE TRIGGER reject_change BEFORE UPDATE ON audit_event
        FOR EACH ROW EXECUTE FUNCTION audit_reject_change();
    CREATE TRIGGER check_purge BEFORE DELETE ON audit_event
        FOR EACH ROW EXECUTE FUNCTION audit_check_event_purge();
    DROP TRIGGER reject_change ON audit_link;
    CREATE TRIGGER reject_change BEFORE UPDATE ON audit_link
        FOR EACH ROW EXECUTE FUNCTION audit_reject_change();
    CREATE TRIGGER check_purge BEFORE DELETE ON audit_link
        FOR EACH ROW EXECUTE FUNCTION audit_check_link_purge();
    CREATE TRIGGER check_checkpoint BEFORE INSERT OR UPDATE ON audit_checkpoint
        FOR EACH ROW EXECUTE FUNCTION audit_check_checkpoint();
    CREATE TRIGGER reject_change BEFORE DELETE ON audit_checkpoint
        FOR EACH ROW EXECUTE FUNCTION audit_reject_change();
    CREATE TRIGGER reject_truncate BEFORE TRUNCATE ON audit_checkpoint
        FOR EACH STATEMENT EXECUTE FUNCTION audit_reject_change();

    ALTER TABLE audit_event ENABLE ALWAYS TRIGGER reject_change, ENABLE ALWAYS TRIGGER check_purge;
    ALTER TABLE audit_link ENABLE ALWAYS TRIGGER reject_change, ENABLE ALWAYS TRIGGER check_purge;
    ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER check_checkpoint,
        ENABLE ALWAYS TRIGGER reject_change, ENABLE ALWAYS TRIGGER reject_truncate;
"""

# The planner settings prevent sequential scans: the tables change all the time, so their statistics are always out of
# date.
FIND_PURGEABLE = """
    CREATE FUNCTION audit_find_purgeable(before timestamptz, first_subject uuid, most_chains integer, most_events integer)
        RETURNS TABLE (subject uuid, sequence bigint, hash bytea, purged_until timestamptz, events bigint)
        LANGUAGE sql STABLE SECURITY DEFINER
        SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off
        SET enable_mergejoin = off SET enable_bitmapscan = off
        AS $$
            -- Of each chain whose first event is old enough, the last link that can go in one batch.
            SELECT h.subject, old.sequence, old.hash, greatest(old.newest, c.purged_until),
                   old.sequence - coalesce(c.sequence, 0)
              FROM audit_head h
              LEFT JOIN audit_checkpoint c ON c.subject = h.subject
              CROSS JOIN LATERAL (
                SELECT w.sequence, w.hash, w.newest
                  FROM (SELECT l.sequence, l.hash,
                               row_number() OVER (ORDER BY l.sequence) AS place,
                               -- A missing event counts as new: the evidence that it is missing stays.
                               max(coalesce(e.at, 'infinity')) OVER (ORDER BY l.sequence) AS newest
                          FROM (SELECT k.* FROM audit_link k
                                 WHERE k.subject = h.subject AND k.sequence > coalesce(c.sequence, 0)
                                 ORDER BY k.sequence LIMIT most_events
                               ) l LEFT JOIN audit_event e ON e.id = l.event_id
                       ) w
                 WHERE w.newest < least(before, audit_purge_before())
                   -- Nor past a link that is missing.
                   AND w.sequence = coalesce(c.sequence, 0) + w.place
                 ORDER BY w.sequence DESC LIMIT 1
              ) old
             WHERE h.subject >= first_subject
               -- Most chains end here: one lookup of their first event.
               AND (SELECT e.at FROM audit_link l JOIN audit_event e ON e.id = l.event_id
                     WHERE l.subject = h.subject AND l.sequence = coalesce(c.sequence, 0) + 1
                   ) < least(before, audit_purge_before())
             ORDER BY h.subject LIMIT most_chains
        $$;
    GRANT EXECUTE ON FUNCTION audit_find_purgeable(timestamptz, uuid, integer, integer) TO app_ops;
"""

PURGE = """
    CREATE FUNCTION audit_purge(subjects uuid[], sequences bigint[], untils timestamptz[], signer text,
                                signatures bytea[]) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off
        SET enable_mergejoin = off SET enable_bitmapscan = off
        AS $$
        DECLARE
            ids bigint[];
        BEGIN
            -- One at a time, so that two purges cannot deadlock.
            PERFORM pg_advisory_xact_lock(hashtext('audit_purge'));
            -- The checkpoints first: the triggers let links go only behind one. The hash is that of the link itself. A
            -- link that another purge has deleted meanwhile is left out.
            INSERT INTO audit_checkpoint
                SELECT l.subject, l.sequence, l.hash, p.purged_until, signer, p.signature
                  FROM unnest(subjects, sequences, untils, signatures) AS p (subject, sequence, purged_until, signature)
                  JOIN audit_link l ON l.subject = p.subject AND l.sequence = p.sequence
                ON CONFLICT (subject) DO UPDATE
                SET sequence = excluded.sequence, hash = excluded.hash, purged_until = excluded.purged_until,
                    key_id = excluded.key_id, signature = excluded.signature;
            WITH gone AS (
                DELETE FROM audit_link l USING unnest(subjects, sequences) AS p (subject, sequence)
                 WHERE l.subject = p.subject AND l.sequence <= p.sequence RETURNING l.event_id
            )
            SELECT array_agg(event_id) INTO ids FROM gone;
            DELETE FROM audit_event WHERE id = ANY (ids);
            RETURN coalesce(cardinality(ids), 0);
        END $$;
    GRANT EXECUTE ON FUNCTION audit_purge(uuid[], bigint[], timestamptz[], text, bytea[]) TO app_ops;
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0003_audit")]

    operations = [
        migrations.RunSQL("SET ROLE audit_owner"),
        migrations.RunSQL(CHECKPOINTS),
        migrations.RunSQL(CHANGED_HEADS),
        migrations.RunSQL(DOOR),
        migrations.RunSQL(FIND_PURGEABLE),
        migrations.RunSQL(PURGE),
        migrations.RunSQL("RESET ROLE"),
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                ("subject", models.UUIDField(primary_key=True, serialize=False)),
                ("sequence", models.BigIntegerField()),
                ("hash", models.BinaryField()),
                ("purged_until", models.DateTimeField()),
                ("key_id", models.TextField()),
                ("signature", models.BinaryField()),
            ],
            options={"db_table": "audit_checkpoint", "managed": False},
        ),
        migrations.AddField("audithead", "changed_at", models.DateTimeField()),
    ]
