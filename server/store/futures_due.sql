-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/futures_due.c.

PREPARE "futures.next" AS
SELECT kind, f.id, f.room, f.user_id, u.session_id
  FROM ((SELECT 0 AS kind, id, room, user_id, at
           FROM permission_futures
          WHERE at <= $1
          ORDER BY at, id LIMIT 1)
         UNION ALL
        (SELECT 1, id, coalesce(room, 0), user_id, at
           FROM ban_futures
          WHERE at <= $1
          ORDER BY at, id LIMIT 1)) f
  JOIN users u ON u.id = f.user_id
 ORDER BY f.at, kind
 LIMIT 1;

-- With NULL for "keep", and no override where the room says the same.
PREPARE "futures.apply" AS
WITH due AS (
    DELETE FROM permission_futures
     WHERE id = $1
    RETURNING room, user_id, read, write, upload)
INSERT INTO permissions AS p (room, user_id, read, write, upload)
SELECT due.room, due.user_id, nullif(due.read, r.read),
       nullif(due.write, r.write), nullif(due.upload, r.upload)
  FROM due
  JOIN rooms r ON r.id = due.room
    ON CONFLICT (room, user_id) DO UPDATE
   SET read = CASE WHEN (SELECT read IS NULL FROM due)
                   THEN p.read ELSE excluded.read END,
       write = CASE WHEN (SELECT write IS NULL FROM due)
                   THEN p.write ELSE excluded.write END,
       upload = CASE WHEN (SELECT upload IS NULL FROM due)
                   THEN p.upload ELSE excluded.upload END;

PREPARE "futures.take_ban" AS
DELETE FROM ban_futures
 WHERE id = $1
 RETURNING banned::int;

PREPARE "futures.drop_permission" AS
DELETE FROM permission_futures
 WHERE id = $1;

PREPARE "futures.drop_ban" AS
DELETE FROM ban_futures
 WHERE id = $1;
