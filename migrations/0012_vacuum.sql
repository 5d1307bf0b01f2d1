-- oldest program: any
--
-- What was deleted is vacuumed within minutes. PostgreSQL's defaults wait until a fifth of a table is
-- dead, which for what one person deletes may be never. With thresholds of 0, autovacuum looks at a
-- table in every round (a minute) in which something in it died; the visibility map makes that cheap.
-- Tables in which nothing about a person rests, or that are dropped as a whole (nonces), keep theirs.

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

CREATE FUNCTION conclave.vacuum_soon(named text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, conclave, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE conclave.%I SET (autovacuum_enabled = true,'
                   ' autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,'
                   ' toast.autovacuum_enabled = true,'
                   ' toast.autovacuum_vacuum_threshold = 0, toast.autovacuum_vacuum_scale_factor = 0)', named);
END $$;
COMMENT ON FUNCTION conclave.vacuum_soon(text) IS 'Lets autovacuum take every dead row of a table in its next round.';

DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT relname
                   FROM pg_class
                  WHERE relnamespace = 'conclave'::regnamespace
                    AND relkind = 'r'
                    AND (relname IN ('users', 'permissions', 'needs_blinding', 'permission_futures', 'ban_futures', 'room_users',
                                     'ring_keys', 'messages', 'reactions', 'user_reactions', 'pins', 'blobs', 'files',
                                     'direct_messages', 'chunks_permanent')
                         OR relname ~ '^chunks_d[0-9]+$') LOOP
        PERFORM conclave.vacuum_soon(found.relname);
    END LOOP;
END $$;

-- As before, and new partitions of chunks are vacuumed soon, too: partitions do not inherit settings.
CREATE OR REPLACE FUNCTION conclave.partitions_add(parent text, from_day integer, to_day integer) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, conclave, pg_temp AS $$
DECLARE
    child text;
    made  integer := 0;
    place text := coalesce((SELECT format(' TABLESPACE %I', s.spcname)
                              FROM pg_class c
                              JOIN pg_tablespace s ON s.oid = c.reltablespace
                             WHERE c.oid = ('conclave.' || quote_ident(parent))::regclass), '');
BEGIN
    -- Two processes must not make the same partition: the second waits and then finds it.
    PERFORM pg_advisory_xact_lock(1131376227, 3);
    FOR at_day IN from_day .. to_day LOOP
        child := parent || '_d' || at_day;
        IF to_regclass('conclave.' || quote_ident(child)) IS NULL THEN
            EXECUTE format('CREATE TABLE conclave.%I (LIKE conclave.%I INCLUDING ALL)', child, parent) || place;
            IF parent = 'chunks' THEN
                PERFORM conclave.vacuum_soon(child);
            END IF;
            EXECUTE format('ALTER TABLE conclave.%I ATTACH PARTITION conclave.%I FOR VALUES IN (%s)', parent, child, at_day);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
