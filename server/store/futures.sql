-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/futures.c.

PREPARE "futures.list" AS
SELECT u.session_id, f.at, f.read, f.write, f.upload, f.banned
  FROM (SELECT user_id, at, id, read, write, upload, NULL::boolean AS banned
          FROM permission_futures
         WHERE room = $1 AND ($2::bigint = 0 OR user_id = $2)
         UNION ALL
        SELECT user_id, at, id, NULL, NULL, NULL, banned
          FROM ban_futures
         WHERE room = $1 AND ($2 = 0 OR user_id = $2)
         UNION ALL
        SELECT user_id, at, id, NULL, NULL, NULL, banned
          FROM ban_futures
         WHERE room IS NULL AND $1 = 0 AND ($2 = 0 OR user_id = $2)) f
  JOIN users u ON u.id = f.user_id
 ORDER BY f.at, f.banned NULLS FIRST, f.id;

PREPARE "futures.add" AS
INSERT INTO permission_futures (room, user_id, at, read, write, upload)
VALUES ($1, $2, $3, $4, $5, $6);

-- Two statements: a row may not say nothing even for a moment.
PREPARE "futures.forget" AS
DELETE FROM permission_futures
 WHERE room = $1 AND user_id = $2
   AND ($3 OR read IS NULL) AND ($4 OR write IS NULL)
   AND ($5 OR upload IS NULL);

PREPARE "futures.clear" AS
UPDATE permission_futures
   SET read = CASE WHEN $3 THEN NULL ELSE read END,
       write = CASE WHEN $4 THEN NULL ELSE write END,
       upload = CASE WHEN $5 THEN NULL ELSE upload END
 WHERE room = $1 AND user_id = $2;

PREPARE "futures.add_ban" AS
INSERT INTO ban_futures (room, user_id, at, banned)
SELECT nullif(room, 0), $1::bigint, $3::float8, $4::boolean
  FROM unnest($2::bigint[]) AS t (room);

PREPARE "futures.forget_bans" AS
DELETE FROM ban_futures
 WHERE user_id = $1 AND coalesce(room, 0) = ANY($2::bigint[]);
