-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/file_jobs.c.

-- Locks the content first, as an upload of the same content does; the expiry is looked at again
-- under the lock.
PREPARE "file_jobs.due" AS
SELECT f.id, :blob_columns
  FROM files f
  JOIN blobs b ON b.id = f.blob
 WHERE f.expiry <= $1
 ORDER BY b.id
 LIMIT $2
   FOR UPDATE OF b SKIP LOCKED;

PREPARE "file_jobs.delete" AS
DELETE FROM files
 WHERE id = $1 AND expiry <= $2
 RETURNING (expiry <= 0)::int::bigint;

PREPARE "file_jobs.blob_delete" AS
DELETE FROM blobs b
 WHERE b.id = $1 AND NOT b.blocked
   AND NOT EXISTS (SELECT 1 FROM files f WHERE f.blob = b.id)
 RETURNING b.id;

PREPARE "file_jobs.due_day" AS
SELECT d::bigint
  FROM partitions_before('chunks', $1) AS t (d)
 ORDER BY 1
 LIMIT 1;

PREPARE "file_jobs.alive" AS
SELECT b.id, b.chunk_day::bigint, max(coalesce(f.expiry, 'Infinity'))
  FROM (SELECT o.id, o.chunk_day
          FROM blobs o
         WHERE o.chunk_day = $1 AND NOT o.blocked
           AND EXISTS (SELECT 1
                         FROM files f
                        WHERE f.blob = o.id AND (f.expiry IS NULL OR f.expiry > $2))
         ORDER BY o.id
         LIMIT $3
           FOR UPDATE SKIP LOCKED) b
  JOIN files f ON f.blob = b.id
 WHERE f.expiry IS NULL OR f.expiry > $2
 GROUP BY b.id, b.chunk_day;

PREPARE "file_jobs.move" AS
SELECT chunks_move($1, $2, $3);

PREPARE "file_jobs.drop" AS
SELECT chunks_drop($1)::int::bigint;

PREPARE "file_jobs.orphan_chunks" AS
SELECT coalesce(sum(chunks_orphans(d)), 0)::bigint
  FROM (SELECT 2147483647 AS d
        UNION ALL
        SELECT t.d FROM partitions_before('chunks', 2147483647) AS t (d)) days
 WHERE d > $1;

PREPARE "file_jobs.orphan_blobs" AS
SELECT :blob_columns
  FROM blobs b
 WHERE NOT b.blocked
   AND NOT EXISTS (SELECT 1 FROM files f WHERE f.blob = b.id)
 LIMIT $1
   FOR UPDATE OF b SKIP LOCKED;

PREPARE "file_jobs.add_days" AS
SELECT partitions_add('chunks', $1, $2)::bigint;
