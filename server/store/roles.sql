-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/roles.c.

PREPARE "roles.set_global" AS
UPDATE users
   SET moderator = $2, admin = $3, visible_mod = $4
 WHERE id = $1
   AND (moderator, admin, visible_mod) IS DISTINCT FROM ($2, $3, $4)
 RETURNING id;

PREPARE "roles.set_in_rooms" AS
WITH changed AS (
    INSERT INTO permissions (room, user_id, moderator, admin, visible_mod)
    SELECT room, $1::bigint, moderator, admin, visible
      FROM unnest($2::bigint[], $3::boolean[], $4::boolean[], $5::boolean[])
           AS t (room, moderator, admin, visible)
     ORDER BY room
        ON CONFLICT (room, user_id) DO UPDATE
       SET moderator = excluded.moderator, admin = excluded.admin,
           visible_mod = excluded.visible_mod
    RETURNING room)
UPDATE rooms r
   SET info_updates = info_updates + 1
  FROM changed
 WHERE r.id = changed.room;

PREPARE "roles.fullest" AS
SELECT coalesce(max(n), 0)
  FROM (SELECT count(*) AS n
          FROM permissions
         WHERE room = ANY($1::bigint[]) AND moderator
         GROUP BY room) counts;

PREPARE "roles.global_count" AS
SELECT count(*)
  FROM users
 WHERE moderator;

PREPARE "roles.dismiss" AS
WITH changed AS (
    UPDATE permissions
       SET moderator = false, admin = false, visible_mod = true
     WHERE user_id = $1 AND room = ANY($2::bigint[]) AND moderator
    RETURNING room)
UPDATE rooms r
   SET info_updates = info_updates + 1
  FROM changed
 WHERE r.id = changed.room;

PREPARE "roles.info_all" AS
UPDATE rooms
   SET info_updates = info_updates + 1;

PREPARE "roles.list_global" AS
SELECT id, session_id, banned, moderator, admin, visible_mod
  FROM users
 WHERE moderator
 ORDER BY session_id;

PREPARE "roles.list_room" AS
SELECT u.id, u.session_id, p.banned, p.moderator, p.admin, p.visible_mod
  FROM (SELECT *
          FROM permissions
         WHERE room :is_owner
   AND moderator
         ORDER BY room, user_id) p
  JOIN users u ON u.id = p.user_id
 ORDER BY u.session_id;
