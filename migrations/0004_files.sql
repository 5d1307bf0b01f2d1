-- Attachments (design D6): what people know of a file, apart from its content, apart from the content's chunks.

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

CREATE TABLE conclave.blobs (
    id        bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash      bytea   UNIQUE CHECK (octet_length(hash) = 33),
    size      bigint  NOT NULL CHECK (size >= 0),
    key_id    bigint  NOT NULL,
    chunk_day integer NOT NULL,
    blocked   boolean NOT NULL DEFAULT false
);
CREATE INDEX blobs_chunk_day ON conclave.blobs (chunk_day);
COMMENT ON TABLE conclave.blobs IS 'Content that was uploaded.';
COMMENT ON COLUMN conclave.blobs.id IS 'Ours; chunks carry it.';
COMMENT ON COLUMN conclave.blobs.hash IS 'Id of a file of the file-server half: hash of the (encrypted) content; NULL for room files, which are never shared.';
COMMENT ON COLUMN conclave.blobs.size IS 'Bytes in clear.';
COMMENT ON COLUMN conclave.blobs.key_id IS 'The key of ring_keys that the chunks are sealed with. No foreign key: the key of a deleted room goes at once, its content at the next sweep.';
COMMENT ON COLUMN conclave.blobs.chunk_day IS 'The one partition of chunks that holds the content; 2147483647: the permanent one.';
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
COMMENT ON COLUMN conclave.files.expiry IS 'When it becomes inaccessible, in seconds since 1970; NULL: never.';

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
