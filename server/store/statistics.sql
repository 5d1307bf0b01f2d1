-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/statistics.c.

PREPARE "statistics.messages" AS
SELECT count(body), coalesce(sum(octet_length(body)), 0)::bigint,
       count(*) - count(body)
  FROM messages
 WHERE ($1::bigint = 0 OR room = $1) AND state = :MESSAGE_VISIBLE;

PREPARE "statistics.files" AS
SELECT count(*), coalesce(sum(b.size), 0)::bigint
  FROM files f
  JOIN blobs b ON b.id = f.blob
 WHERE CASE WHEN $1::bigint = 0 THEN f.room IS NOT NULL ELSE f.room = $1 END
   AND f.expiry IS DISTINCT FROM 0;

PREPARE "statistics.active" AS
SELECT count(DISTINCT user_id)
  FROM room_users
 WHERE ($1::bigint = 0 OR room = $1) AND last_active_hour > $2;

PREPARE "statistics.reactions" AS
SELECT r.message, r.key_id, r.text, r.users
  FROM reactions r
  JOIN messages m ON m.id = r.message
 WHERE m.room = $1
 ORDER BY r.id DESC
 LIMIT $2;
