-- oldest program: any
--
-- Anonymous callers, strangers and members each have a share of the quota of files, so what is stored is counted for each.
-- Whatever stands in no room is anonymous: uploads to the file server have no author. Content takes at least one disk
-- block and is charged for one.

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

ALTER TABLE conclave.blobs ADD COLUMN by_stranger boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN conclave.blobs.by_stranger IS 'person: whether the uploader was new here, which says whose share of the quota it is in; as long as the content';
COMMENT ON COLUMN conclave.blobs.room IS 'The room whose storage it is charged to; NULL: none, it is in the share of anonymous callers. No foreign key: it goes at the next sweep after its room.';

ALTER TABLE conclave.file_usage
    ADD COLUMN anonymous_bytes bigint NOT NULL DEFAULT 0,
    ADD COLUMN strangers_bytes bigint NOT NULL DEFAULT 0;
COMMENT ON TABLE conclave.file_usage IS 'One row: the sum of what content that is not blocked is charged with.';
COMMENT ON COLUMN conclave.file_usage.anonymous_bytes IS 'The part of bytes that is in no room.';
COMMENT ON COLUMN conclave.file_usage.strangers_bytes IS 'The part of bytes that strangers uploaded to rooms.';
COMMENT ON COLUMN conclave.room_storage.bytes IS 'The sum of what its content is charged with.';

CREATE FUNCTION conclave.file_charge(size bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, conclave, pg_temp AS $$
    SELECT greatest(size, 8192)
$$;
COMMENT ON FUNCTION conclave.file_charge(bigint) IS 'What content of a size is charged with: at least one disk block.';

-- A program of before this migration charges the plain size and knows no shares; the job sets the sums right every day.
CREATE FUNCTION conclave.files_recount() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, conclave, pg_temp AS $$
BEGIN
    -- Whoever has changed content and not yet its sum waits for these locks, and then changes what is set here.
    PERFORM 1 FROM conclave.room_storage ORDER BY room FOR UPDATE;
    PERFORM 1 FROM conclave.file_usage FOR UPDATE;
    UPDATE conclave.room_storage s
       SET bytes = coalesce(t.bytes, 0)
      FROM conclave.room_storage r
      LEFT JOIN (SELECT b.room, sum(conclave.file_charge(b.size)) AS bytes
                   FROM conclave.blobs b
                  WHERE NOT b.blocked
                  GROUP BY b.room) t ON t.room = r.room
     WHERE s.room = r.room AND s.bytes <> coalesce(t.bytes, 0);
    UPDATE conclave.file_usage
       SET (bytes, anonymous_bytes, strangers_bytes) =
           (SELECT coalesce(sum(c.bytes), 0),
                   coalesce(sum(c.bytes) FILTER (WHERE c.room IS NULL), 0),
                   coalesce(sum(c.bytes) FILTER (WHERE c.room IS NOT NULL AND c.by_stranger), 0)
              FROM (SELECT b.room, b.by_stranger, conclave.file_charge(b.size) AS bytes
                      FROM conclave.blobs b
                     WHERE NOT b.blocked) c);
END $$;
COMMENT ON FUNCTION conclave.files_recount() IS 'Sets the sums of file_usage and room_storage to what there is.';

SELECT conclave.files_recount();

-- Strangers hold a part of an inbox at most.
ALTER TABLE conclave.direct_messages ADD COLUMN by_stranger boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN conclave.direct_messages.by_stranger IS 'person: whether the sender was new here; until it expires or the recipient deletes it';
