-- oldest program: any
--
-- The times that posts carry: one clock for the whole server, and what is remembered so that a
-- repeated post is one post.
--
-- The apps tell messages apart by their millisecond, in whatever room. So every process draws from
-- milliseconds of its own: those whose remainder by 16 it holds. It writes down ahead of time up to
-- where it may have drawn; who takes a remainder over goes on behind that
-- (docs/decisions/0014-one-clock.md).

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

-- In the row that every post locks and writes anyway: an index over messages would cost each post
-- more.
ALTER TABLE conclave.rooms ADD COLUMN posted_ms bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN conclave.rooms.posted_ms IS 'The time of its newest message, in milliseconds since 1970; the next one gets a later time; 0: none came since this column is there.';

CREATE TABLE conclave.posted_residues (
    residue     smallint PRIMARY KEY CHECK (residue BETWEEN 0 AND 15),
    holder      bigint   NOT NULL DEFAULT 0,
    reserved_ms bigint   NOT NULL DEFAULT 0
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
INSERT INTO conclave.posted_residues (residue) SELECT generate_series(0, 15);
COMMENT ON TABLE conclave.posted_residues IS 'Which server process takes which milliseconds as times of messages.';
COMMENT ON COLUMN conclave.posted_residues.residue IS 'The milliseconds since 1970 that leave this remainder when divided by 16.';
COMMENT ON COLUMN conclave.posted_residues.holder IS 'A number that the process drew when it started, under which it holds an advisory lock; 0: nobody.';
COMMENT ON COLUMN conclave.posted_residues.reserved_ms IS 'Later times than this have not been given away.';

CREATE TABLE conclave.post_retries (
    digest  bytea  PRIMARY KEY CHECK (octet_length(digest) = 16),
    message bigint NOT NULL,
    until_s bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
COMMENT ON TABLE conclave.post_retries IS 'Posts of the last ten minutes: an app that got no answer posts the same bytes again, and is to get the first answer.';
COMMENT ON COLUMN conclave.post_retries.digest IS 'person: a hash of author, room and bytes of a post, under a key that is not in the database; ten minutes';
COMMENT ON COLUMN conclave.post_retries.message IS 'The message that it became. No foreign key: its index would cost every post.';
COMMENT ON COLUMN conclave.post_retries.until_s IS 'When it is forgotten, seconds since 1970.';

-- By the index always. A plan that was made while the table was small would read all of it, for
-- each post of a flood.
CREATE FUNCTION conclave.post_retries_find(digests bytea[], now_s bigint)
    RETURNS TABLE (place bigint, id bigint, posted double precision, seqno bigint, state smallint,
                   whisper_mods boolean, whisper_to bytea)
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, conclave, pg_temp SET enable_seqscan = off AS $$
BEGIN
    RETURN QUERY
    SELECT t.ordinal - 1, m.id, m.posted, m.seqno_creation, m.state, m.whisper_mods, u.session_id
      FROM unnest(digests) WITH ORDINALITY AS t (digest, ordinal)
      JOIN post_retries r ON r.digest = t.digest AND r.until_s > now_s
      JOIN messages m ON m.id = r.message
      LEFT JOIN users u ON u.id = m.whisper_to;
END $$;
COMMENT ON FUNCTION conclave.post_retries_find(bytea[], bigint) IS 'The messages that posts with these digests became, as far as they are remembered.';
