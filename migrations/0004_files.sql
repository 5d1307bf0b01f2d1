-- Attachments (design D6): what people know of a file, apart from its content, apart from the content's chunks.

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

CREATE TABLE conclave.blobs (
    id        bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash      bytea   UNIQUE CHECK (octet_length(hash) = 33),
    size      bigint  NOT NULL CHECK (size >= 0),
    key_id    bigint  NOT NULL,
    chunk_day integer NOT NULL,
    room      bigint,
    blocked   boolean NOT NULL DEFAULT false
);
CREATE INDEX blobs_chunk_day ON conclave.blobs (chunk_day);
-- Nearly always empty, so that asking whether anything is blocked costs nothing.
CREATE INDEX blobs_blocked ON conclave.blobs (id) WHERE blocked;
COMMENT ON TABLE conclave.blobs IS 'Content that was uploaded.';
COMMENT ON COLUMN conclave.blobs.id IS 'Ours; chunks carry it.';
COMMENT ON COLUMN conclave.blobs.hash IS 'Id of a file of the file-server half: hash of the (encrypted) content; NULL for room files, which are never shared.';
COMMENT ON COLUMN conclave.blobs.size IS 'Bytes in clear.';
COMMENT ON COLUMN conclave.blobs.key_id IS 'The key of ring_keys that the chunks are sealed with. No foreign key: the key of a deleted room goes at once, its content at the next sweep.';
COMMENT ON COLUMN conclave.blobs.chunk_day IS 'The one partition of chunks that holds the content; 2147483647: the permanent one.';
COMMENT ON COLUMN conclave.blobs.room IS 'The room whose storage it is charged to; NULL: none. No foreign key: it goes at the next sweep after its room.';
COMMENT ON COLUMN conclave.blobs.blocked IS 'Refused by an operator: the chunks are gone, and the same content is not taken again.';

CREATE TABLE conclave.files (
    id       bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room     bigint           REFERENCES conclave.rooms ON DELETE SET NULL,
    message  bigint           REFERENCES conclave.messages ON DELETE SET NULL,
    uploader bigint           REFERENCES conclave.users ON DELETE SET NULL,
    blob     bigint           NOT NULL REFERENCES conclave.blobs,
    name     bytea            CHECK (octet_length(name) BETWEEN 40 AND 1024),
    uploaded double precision NOT NULL,
    expiry   double precision
);
CREATE INDEX files_blob ON conclave.files (blob);
CREATE INDEX files_room ON conclave.files (room) WHERE room IS NOT NULL;
CREATE INDEX files_message ON conclave.files (message) WHERE message IS NOT NULL;
CREATE INDEX files_uploader ON conclave.files (uploader) WHERE uploader IS NOT NULL;
CREATE INDEX files_expiry ON conclave.files (expiry) WHERE expiry IS NOT NULL;
COMMENT ON TABLE conclave.files IS 'What people know of an uploaded file.';
COMMENT ON COLUMN conclave.files.id IS 'Id of a room file, as clients know it.';
COMMENT ON COLUMN conclave.files.room IS 'The room; NULL: file-server half, or the room was deleted.';
COMMENT ON COLUMN conclave.files.message IS 'The message it is attached to.';
COMMENT ON COLUMN conclave.files.uploader IS 'person: only the uploader may attach it, and it goes with all their posts; as long as the file';
COMMENT ON COLUMN conclave.files.blob IS 'Its content.';
COMMENT ON COLUMN conclave.files.name IS 'person: the name given at upload, sealed; as long as the file';
COMMENT ON COLUMN conclave.files.uploaded IS 'person: when it was uploaded, seconds since 1970; as long as the file';
COMMENT ON COLUMN conclave.files.expiry IS 'When it becomes inaccessible, in seconds since 1970; NULL: never; 0: deleted by a person, so its content goes at once.';

-- Known only now: the picture of a room is a file, and files belong to rooms.
ALTER TABLE conclave.rooms
    ADD CONSTRAINT rooms_image_fkey FOREIGN KEY (image) REFERENCES conclave.files ON DELETE SET NULL;

-- No foreign key to blobs: deleting a blob would look into every partition, and a partition goes as a whole.
CREATE TABLE conclave.chunks (
    day  integer NOT NULL,
    blob bigint  NOT NULL,
    n    integer NOT NULL CHECK (n >= 0),
    data bytea   NOT NULL,
    PRIMARY KEY (day, blob, n)
) PARTITION BY LIST (day);
-- Sealed bytes do not compress: do not try. Partitions copy it (INCLUDING ALL).
ALTER TABLE conclave.chunks ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE conclave.chunks IS 'Content in sealed pieces of 256 KB, partitioned by the day when most of it has expired.';
COMMENT ON COLUMN conclave.chunks.day IS 'As blobs.chunk_day.';
COMMENT ON COLUMN conclave.chunks.blob IS 'The content it is part of.';
COMMENT ON COLUMN conclave.chunks.n IS 'Which piece, from 0.';
COMMENT ON COLUMN conclave.chunks.data IS 'person: a piece of what was uploaded, sealed; until the file expires or is deleted';

CREATE TABLE conclave.chunks_permanent (LIKE conclave.chunks INCLUDING ALL);
ALTER TABLE conclave.chunks ATTACH PARTITION conclave.chunks_permanent FOR VALUES IN (2147483647);
COMMENT ON TABLE conclave.chunks_permanent IS 'Chunks of what has no end: pictures of rooms, pinned attachments.';

-- Chunks are read and written through the partition itself, by its name, and not through the parent: a prepared statement on
-- the parent locks all of its partitions, so that every reader would wait for whoever drops one of them, and he for every
-- reader.
CREATE FUNCTION conclave.chunks_table(day integer) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, conclave, pg_temp AS $$
    SELECT CASE WHEN day = 2147483647 THEN 'chunks_permanent' ELSE 'chunks_d' || day END
$$;
COMMENT ON FUNCTION conclave.chunks_table(integer) IS 'The partition of a day.';

CREATE FUNCTION conclave.chunks_read(day integer, blob bigint, n integer) RETURNS bytea
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, conclave, pg_temp AS $$
DECLARE
    found_data bytea;
BEGIN
    EXECUTE format('SELECT data FROM conclave.%I WHERE day = $1 AND blob = $2 AND n = $3', conclave.chunks_table(day))
        INTO found_data USING day, blob, n;
    RETURN found_data;
EXCEPTION WHEN undefined_table THEN
    RETURN NULL; -- dropped: the reader asks again where the content is now
END $$;
COMMENT ON FUNCTION conclave.chunks_read(integer, bigint, integer) IS 'One chunk; NULL: not there.';

CREATE FUNCTION conclave.chunks_insert(day integer, blob bigint, n integer, data bytea) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, conclave, pg_temp AS $$
BEGIN
    EXECUTE format('INSERT INTO conclave.%I (day, blob, n, data) VALUES ($1, $2, $3, $4)', conclave.chunks_table(day))
        USING day, blob, n, data;
EXCEPTION WHEN undefined_table THEN
    -- As PostgreSQL itself says of a row that fits no partition.
    RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'no partition for that day';
END $$;
COMMENT ON FUNCTION conclave.chunks_insert(integer, bigint, integer, bytea) IS 'Adds one chunk.';

CREATE FUNCTION conclave.chunks_delete(day integer, blob bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, conclave, pg_temp AS $$
BEGIN
    EXECUTE format('DELETE FROM conclave.%I WHERE day = $1 AND blob = $2', conclave.chunks_table(day)) USING day, blob;
EXCEPTION WHEN undefined_table THEN
    NULL; -- they went with their partition
END $$;
COMMENT ON FUNCTION conclave.chunks_delete(integer, bigint) IS 'Removes the chunks of one content.';

CREATE FUNCTION conclave.chunks_move(blob bigint, from_day integer, to_day integer) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, conclave, pg_temp AS $$
BEGIN
    -- The old ones stay until their partition is dropped: whoever reads there now goes on reading.
    EXECUTE format('INSERT INTO conclave.%I (day, blob, n, data) SELECT $2, c.blob, c.n, c.data FROM conclave.%I c WHERE c.blob = $1',
                   conclave.chunks_table(to_day), conclave.chunks_table(from_day)) USING blob, to_day;
    UPDATE conclave.blobs b SET chunk_day = to_day WHERE b.id = blob;
END $$;
COMMENT ON FUNCTION conclave.chunks_move(bigint, integer, integer) IS 'Copies the chunks of a content, whose row is locked, to another partition, and names that.';

CREATE FUNCTION conclave.chunks_drop(day integer) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, conclave, pg_temp AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(1131376227, 5) THEN
        RETURN false; -- a backup runs
    END IF;
    PERFORM conclave.partitions_drop('chunks', day);
    -- Asked after the drop has its lock: what was being uploaded or renewed is committed by now, or can no longer be.
    IF EXISTS (SELECT 1 FROM conclave.blobs b WHERE b.chunk_day = day AND NOT b.blocked) THEN
        RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = 'the partition holds live content';
    END IF;
    RETURN true;
END $$;
COMMENT ON FUNCTION conclave.chunks_drop(integer) IS 'Drops the partition of a day that no content needs any more. False: not during a backup. Fails when somebody uses it.';

CREATE FUNCTION conclave.chunks_orphans(day integer) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, conclave, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    -- One statement, one snapshot: an upload under way shows both its content and its chunks, or neither.
    EXECUTE format('DELETE FROM conclave.%I c WHERE NOT EXISTS (SELECT 1 FROM conclave.blobs b '
                   'WHERE b.id = c.blob AND b.chunk_day = c.day AND NOT b.blocked)', conclave.chunks_table(day));
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
EXCEPTION WHEN undefined_table THEN
    RETURN 0;
END $$;
COMMENT ON FUNCTION conclave.chunks_orphans(integer) IS 'Removes chunks of a partition that no content names.';

-- What is stored, for the quotas. Changed as the last thing in the transaction that adds or removes content, so that the row
-- is locked for the length of a commit only.
CREATE TABLE conclave.file_usage (
    id    smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    bytes bigint   NOT NULL DEFAULT 0
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
COMMENT ON TABLE conclave.file_usage IS 'One row: the sum of blobs.size over content that is not blocked.';
COMMENT ON COLUMN conclave.file_usage.id IS 'Always 1.';
COMMENT ON COLUMN conclave.file_usage.bytes IS 'Charged once for content that several people uploaded.';
INSERT INTO conclave.file_usage DEFAULT VALUES;

CREATE TABLE conclave.room_storage (
    room  bigint PRIMARY KEY REFERENCES conclave.rooms ON DELETE CASCADE,
    bytes bigint NOT NULL DEFAULT 0,
    quota bigint CHECK (quota >= 0),
    types text   CHECK (octet_length(types) BETWEEN 1 AND 1024)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
COMMENT ON TABLE conclave.room_storage IS 'What the files of a room take, and what its operator allows. No row: nothing yet, no limit.';
COMMENT ON COLUMN conclave.room_storage.room IS 'The room.';
COMMENT ON COLUMN conclave.room_storage.bytes IS 'The sum of blobs.size of its files.';
COMMENT ON COLUMN conclave.room_storage.quota IS 'Bytes that its files may take together; NULL: no limit of its own.';
COMMENT ON COLUMN conclave.room_storage.types IS 'Types of files that may be uploaded, separated by commas: exact names, or beginnings that end with a slash; NULL: any.';
