-- The server itself: who it is, what changed, how far the schema is, and the tool that makes partitions by day.
--
-- Everything lives in a schema of its own, so that the connection's search_path can name exactly it (a hostile object in
-- "public" is never looked at). Time is stored as the caller gives it: no default here calls now() (design D16).

DO $$
BEGIN
    -- Asked first: an operator may have made the schema for a role that may not create any.
    IF pg_catalog.to_regnamespace('conclave') IS NULL THEN
        CREATE SCHEMA conclave;
    END IF;
END $$;
COMMENT ON SCHEMA conclave IS 'All tables of the conclave server.';

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

CREATE TABLE conclave.schema_migrations (
    number     integer          PRIMARY KEY CHECK (number > 0),
    name       text             NOT NULL,
    hash       bytea            NOT NULL CHECK (octet_length(hash) = 32),
    applied_at double precision NOT NULL
);
COMMENT ON TABLE conclave.schema_migrations IS 'Migrations that were applied; the server refuses to start on any other set.';
COMMENT ON COLUMN conclave.schema_migrations.number IS 'The number its file name begins with.';
COMMENT ON COLUMN conclave.schema_migrations.name IS 'The rest of its file name.';
COMMENT ON COLUMN conclave.schema_migrations.hash IS 'BLAKE2b-32 of the file: a changed one is noticed.';
COMMENT ON COLUMN conclave.schema_migrations.applied_at IS 'When, in seconds since 1970.';

CREATE TABLE conclave.server (
    id            smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    public_key    bytea    NOT NULL CHECK (octet_length(public_key) = 32),
    storage_check bytea,
    welcomed      boolean  NOT NULL DEFAULT false
);
COMMENT ON TABLE conclave.server IS 'One row: which server this database belongs to.';
COMMENT ON COLUMN conclave.server.id IS 'Always 1.';
COMMENT ON COLUMN conclave.server.public_key IS 'X25519 public key in every join link. A server with another key refuses to start.';
COMMENT ON COLUMN conclave.server.storage_check IS 'A known value sealed by the storage key: proves that the key file fits.';
COMMENT ON COLUMN conclave.server.welcomed IS 'The words of the first start were shown: it got ready once.';

CREATE TABLE conclave.versions (
    scope smallint NOT NULL CHECK (scope BETWEEN 0 AND 5),
    id    bigint   NOT NULL,
    value bigint   NOT NULL DEFAULT 1,
    PRIMARY KEY (scope, id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
COMMENT ON TABLE conclave.versions IS 'Raised in the same transaction as every change, compared by all processes twice a second (design D7).';
COMMENT ON COLUMN conclave.versions.scope IS '0 list of rooms; 1 global roles and bans, for whom something waits; 2 content of a room; 3 rights of a room; 4 direct messages (their newest id); 5 messages of a room that went without a trace.';
COMMENT ON COLUMN conclave.versions.id IS 'The room; 0 for scopes 0, 1 and 4.';
COMMENT ON COLUMN conclave.versions.value IS 'Only grows.';

INSERT INTO conclave.versions (scope, id) VALUES (0, 0), (1, 0);

-- Partitions by day: LIST (day), one table per day, named parent_dDAY. CREATE and ATTACH instead of CREATE PARTITION OF,
-- because ATTACH does not stop readers and writers of the parent. There is never a DEFAULT partition: ATTACH would have
-- to scan it.
CREATE FUNCTION conclave.partitions_add(parent text, from_day integer, to_day integer) RETURNS integer
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
            EXECUTE format('ALTER TABLE conclave.%I ATTACH PARTITION conclave.%I FOR VALUES IN (%s)', parent, child, at_day);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION conclave.partitions_add(text, integer, integer) IS 'Makes the missing partitions of the days given, in the tablespace of their parent.';

CREATE FUNCTION conclave.partitions_before(parent text, before_day integer) RETURNS SETOF integer
    LANGUAGE sql STABLE SET search_path = pg_catalog, conclave, pg_temp AS $$
    SELECT substring(c.relname FROM '_d([0-9]+)$')::integer
      FROM pg_inherits i
      JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = ('conclave.' || quote_ident(parent))::regclass
       AND c.relname ~ '_d[0-9]+$'
       AND substring(c.relname FROM '_d([0-9]+)$')::bigint < before_day
     ORDER BY 1
$$;
COMMENT ON FUNCTION conclave.partitions_before(text, integer) IS 'Days of partitions before the one given, ascending.';

CREATE FUNCTION conclave.partitions_drop(parent text, day integer) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, conclave, pg_temp AS $$
BEGIN
    -- A waiting DROP stops everybody who comes after it, so it must not wait long (design D6).
    PERFORM set_config('lock_timeout', '500ms', true);
    EXECUTE format('DROP TABLE IF EXISTS conclave.%I', parent || '_d' || day);
END $$;
COMMENT ON FUNCTION conclave.partitions_drop(text, integer) IS 'Drops one partition, or fails with lock_not_available within half a second.';

-- The claim that makes a signed request run once (design D5). No column says whose it was.
CREATE TABLE conclave.nonces (
    day   integer NOT NULL,
    nonce bytea   NOT NULL CHECK (octet_length(nonce) = 16),
    PRIMARY KEY (day, nonce)
) PARTITION BY LIST (day);
COMMENT ON TABLE conclave.nonces IS 'Nonces of signed requests that may write, so that none runs twice. Whole days are dropped when their requests are too old to be accepted.';
COMMENT ON COLUMN conclave.nonces.day IS 'Day of the signed timestamp, in days since 1970.';
COMMENT ON COLUMN conclave.nonces.nonce IS 'As signed.';
