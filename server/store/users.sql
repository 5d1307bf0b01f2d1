-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/users.c.

PREPARE "users.special" AS
SELECT id, session_id, banned, moderator, admin, visible_mod
  FROM users
 WHERE banned OR moderator;

-- In the order of the key: two flushes cannot lock each other out.
PREPARE "users.seen" AS
INSERT INTO users (session_id, created_hour, last_active_hour)
SELECT session_id, max(hour), max(hour)
  FROM unnest($1::bytea[], $2::bigint[]) AS t (session_id, hour)
 GROUP BY session_id
 ORDER BY session_id
    ON CONFLICT (session_id) DO UPDATE
   SET last_active_hour = excluded.last_active_hour
 WHERE users.last_active_hour < excluded.last_active_hour;

PREPARE "users.active" AS
INSERT INTO room_users (room, user_id, last_active_hour)
SELECT t.room, u.id, max(t.hour)
  FROM unnest($1::bytea[], $2::bigint[], $3::bigint[]) AS t (session_id, room, hour)
  JOIN users u USING (session_id)
  JOIN rooms r ON r.id = t.room
 GROUP BY t.room, u.id
 ORDER BY t.room, u.id
    ON CONFLICT (room, user_id) DO UPDATE
   SET last_active_hour = excluded.last_active_hour
 WHERE room_users.last_active_hour < excluded.last_active_hour;

PREPARE "users.find" AS
SELECT u.id, u.session_id
  FROM unnest($1::bytea[]) WITH ORDINALITY AS t (session_id, ordinal)
  JOIN users u USING (session_id)
 ORDER BY ordinal
 LIMIT 1;

PREPARE "users.add" AS
INSERT INTO users (session_id, created_hour, last_active_hour)
VALUES ($1, $2, $2)
    ON CONFLICT DO NOTHING;

-- Somebody decides something about an account that was never here: it is in use.
PREPARE "users.touch" AS
UPDATE users
   SET last_active_hour = $2
 WHERE id = $1 AND last_active_hour < $2 AND get_byte(session_id, 0) = 5;

PREPARE "users.prune_activity" AS
DELETE FROM room_users
 WHERE last_active_hour < $1;

-- Locked in the order of the id, as everybody who locks several rooms does (docs/design.md, D4).
PREPARE "users.count_active" AS
WITH counted AS MATERIALIZED (
    SELECT r.id, count(ru.user_id) AS active
      FROM rooms r
      LEFT JOIN room_users ru ON ru.room = r.id AND ru.last_active_hour >= $1
     GROUP BY r.id),
locked AS MATERIALIZED (
    SELECT r.id, c.active
      FROM rooms r
      JOIN counted c ON c.id = r.id AND c.active <> r.active_users
     ORDER BY r.id
       FOR NO KEY UPDATE OF r)
UPDATE rooms r
   SET active_users = l.active
  FROM locked l
 WHERE r.id = l.id
 RETURNING r.id;
