-- oldest program: any
--
-- What the server needs to know before it deletes anything: when its clock was last trusted, and on which line of history
-- of the database its numbers were given out.

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

ALTER TABLE conclave.server
    ADD COLUMN trusted_s      bigint NOT NULL DEFAULT 0,
    ADD COLUMN nonces_after_s bigint NOT NULL DEFAULT 0,
    ADD COLUMN timeline       bigint,
    ADD COLUMN raised_s       bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN conclave.server.trusted_s IS 'The newest time that was trusted, in seconds since 1970, written once a minute; 0: none yet. While the clock stands more than 48 hours from it, nothing is deleted.';
COMMENT ON COLUMN conclave.server.nonces_after_s IS 'Signed requests from before this time, in seconds since 1970, are refused: their nonces may have been dropped.';
COMMENT ON COLUMN conclave.server.timeline IS 'The timeline of PostgreSQL on which numbers were last given out; on another one they are raised first. NULL: not known.';
COMMENT ON COLUMN conclave.server.raised_s IS 'When numbers were last raised on the word of clients that knew higher ones, in seconds since 1970: at most once a day.';

-- A database that was used before this migration: the newest time that it holds. A new one holds none.
UPDATE conclave.server
   SET trusted_s = greatest(
           0,
           (SELECT posted::bigint FROM conclave.messages ORDER BY id DESC LIMIT 1),
           (SELECT uploaded::bigint FROM conclave.files ORDER BY id DESC LIMIT 1),
           (SELECT max(last_active_hour) * 3600 FROM conclave.users));

-- Not every PostgreSQL tells its timeline (some hosted ones do not): 0 then.
CREATE FUNCTION conclave.database_timeline() RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, conclave, pg_temp AS $$
BEGIN
    RETURN ('x' || lpad(substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), 16, '0'))::bit(64)::bigint;
EXCEPTION WHEN OTHERS THEN
    RETURN 0;
END $$;
COMMENT ON FUNCTION conclave.database_timeline() IS 'The timeline that this PostgreSQL writes on: another one after each promotion of a standby. 0: it does not tell.';
