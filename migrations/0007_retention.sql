-- How long rooms keep their messages. What goes, goes silently: no tombstone, no number (design D15).

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

CREATE TABLE conclave.retention (
    room       bigint PRIMARY KEY REFERENCES conclave.rooms ON DELETE CASCADE,
    keep_s     bigint CHECK (keep_s > 0),
    keep_bytes bigint CHECK (keep_bytes > 0),
    purged_to  bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE conclave.retention IS 'Rooms that do not keep everything, or once did not.';
COMMENT ON COLUMN conclave.retention.room IS 'The room.';
COMMENT ON COLUMN conclave.retention.keep_s IS 'Messages older than this many seconds go; NULL: none does for its age.';
COMMENT ON COLUMN conclave.retention.keep_bytes IS 'The oldest messages go while all of them, with their files, take more than this; NULL: no bound.';
COMMENT ON COLUMN conclave.retention.purged_to IS 'The highest id of a message that ever went: memory that holds none as low need not look.';

-- The oldest of what is never shown; few rows.
CREATE INDEX messages_unseen ON conclave.messages (room, id) WHERE state <> 0;
