-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/files.c.

-- A second upload of the same content waits here for the first one's end, and then finds its row.
PREPARE "files.blob_add" AS
INSERT INTO blobs AS b (hash, size, key_id, chunk_day, room, by_stranger)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (hash) DO NOTHING
 RETURNING :blob_columns;

PREPARE "files.blob_lock" AS
SELECT :blob_columns
  FROM blobs b
 WHERE b.hash = $1
   FOR UPDATE;

PREPARE "files.chunk_insert" AS
SELECT chunks_insert($1, $2, $3, $4);

PREPARE "files.chunk_read" AS
SELECT chunks_read($1, $2, $3);

PREPARE "files.chunks_delete" AS
SELECT chunks_delete($1, $2);

PREPARE "files.renew" AS
UPDATE files
   SET uploaded = $2, expiry = greatest(expiry, $3)
 WHERE blob = $1 AND room IS NULL
 RETURNING expiry;

PREPARE "files.publish" AS
INSERT INTO files (blob, uploaded, expiry)
VALUES ($1, $2, $3);

-- $1 to $3: of anonymous callers, strangers, members; one of them is not 0. $4 quota, $5 share.
PREPARE "files.charge" AS
UPDATE file_usage
   SET bytes = bytes + $1 + $2 + $3,
       anonymous_bytes = anonymous_bytes + $1,
       strangers_bytes = strangers_bytes + $2
 WHERE bytes + $1 + $2 + $3 <= $4
   AND CASE WHEN $1 > 0 THEN anonymous_bytes + $1
            WHEN $2 > 0 THEN strangers_bytes + $2
            ELSE bytes - anonymous_bytes - strangers_bytes + $3 END <= $5
 RETURNING bytes;

PREPARE "files.usage" AS
SELECT anonymous_bytes, strangers_bytes, bytes - anonymous_bytes - strangers_bytes
  FROM file_usage;

PREPARE "files.discharge" AS
UPDATE file_usage
   SET bytes = greatest(bytes - $1 - $2 - $3, 0),
       anonymous_bytes = greatest(anonymous_bytes - $1, 0),
       strangers_bytes = greatest(strangers_bytes - $2, 0);

PREPARE "files.recount" AS
SELECT files_recount();

PREPARE "files.discharge_room" AS
UPDATE room_storage
   SET bytes = greatest(bytes - $2, 0)
 WHERE room = $1;

PREPARE "files.by_hash" AS
SELECT :file_columns
  FROM blobs b
  JOIN files f ON f.blob = b.id AND f.room IS NULL
 WHERE b.hash = $1 AND NOT b.blocked AND (f.expiry IS NULL OR f.expiry > $2);

PREPARE "files.any_blocked" AS
SELECT count(*)
  FROM (SELECT FROM blobs WHERE blocked LIMIT 1) b;

PREPARE "files.is_blocked" AS
SELECT count(*)
  FROM blobs
 WHERE hash = $1 AND blocked;

PREPARE "files.extend" AS
UPDATE files f
   SET expiry = greatest(f.expiry, $3)
  FROM blobs b
 WHERE b.hash = $1 AND NOT b.blocked
   AND f.blob = b.id AND f.room IS NULL
   AND (f.expiry IS NULL OR f.expiry > $2)
 RETURNING :file_columns;

-- A room whose picture goes is another room for everybody who shows it. Rooms before files, as
-- posts lock them.
PREPARE "files.drop_image" AS
WITH changed AS (
    UPDATE rooms r
       SET image = NULL, info_updates = r.info_updates + 1
      FROM files f
     WHERE f.blob = $1 AND r.image = f.id
    RETURNING r.id)
UPDATE versions v
   SET value = value + 1
  FROM changed
 WHERE v.scope = 2 AND v.id = changed.id;

PREPARE "files.delete_all" AS
DELETE FROM files
 WHERE blob = $1;

PREPARE "files.blob_delete" AS
DELETE FROM blobs
 WHERE id = $1;

PREPARE "files.blob_block" AS
INSERT INTO blobs AS b (hash, size, key_id, chunk_day, blocked)
VALUES ($1, 0, 0, 2147483647, true)
    ON CONFLICT (hash) DO UPDATE
   SET blocked = true, size = 0, chunk_day = 2147483647
 WHERE NOT b.blocked
 RETURNING b.id;

PREPARE "files.unblock" AS
DELETE FROM blobs
 WHERE hash = $1 AND blocked
 RETURNING id;
