-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/pending.c.

PREPARE "pending.record" AS
INSERT INTO needs_blinding (blinded_abs, user_id)
VALUES ($1, $2)
    ON CONFLICT (blinded_abs) DO UPDATE
   SET user_id = excluded.user_id;

PREPARE "pending.list" AS
SELECT blinded_abs
  FROM needs_blinding
 ORDER BY blinded_abs;

PREPARE "pending.lock_rooms" AS
SELECT r.id
  FROM rooms r
 WHERE EXISTS (SELECT 1 FROM users u
                 JOIN needs_blinding n ON n.user_id = u.id
                WHERE n.blinded_abs = $1 AND u.moderator)
    OR r.id IN (SELECT p.room FROM permissions p
                  JOIN needs_blinding n ON n.user_id = p.user_id
                 WHERE n.blinded_abs = $1)
 ORDER BY r.id
   FOR NO KEY UPDATE OF r;

PREPARE "pending.take" AS
DELETE FROM needs_blinding
 WHERE blinded_abs = $1
 RETURNING user_id;

PREPARE "pending.arrive" AS
INSERT INTO users (session_id, created_hour, last_active_hour)
SELECT $1, created_hour, last_active_hour
  FROM users
 WHERE id = $2
    ON CONFLICT DO NOTHING;

PREPARE "pending.arrived" AS
SELECT id
  FROM users
 WHERE session_id = $1;

PREPARE "pending.move_global" AS
UPDATE users n
   SET banned = n.banned OR (o.banned AND NOT n.moderator),
       moderator = NOT n.banned AND (n.moderator OR o.moderator),
       admin = NOT n.banned AND (n.admin OR o.admin),
       visible_mod = CASE WHEN o.moderator THEN o.visible_mod ELSE n.visible_mod END
  FROM users o
 WHERE n.id = $2 AND o.id = $1 AND (o.banned OR o.moderator)
 RETURNING n.moderator::int;

PREPARE "pending.clear_global" AS
UPDATE users
   SET banned = false, moderator = false, admin = false,
       visible_mod = false
 WHERE id = $1;

PREPARE "pending.move_permissions" AS
INSERT INTO permissions AS p
       (room, user_id, banned, read, accessible, write, upload, moderator, admin, visible_mod)
SELECT room, $2, banned, read, accessible, write, upload, moderator, admin, visible_mod
  FROM permissions
 WHERE user_id = $1
 ORDER BY room
    ON CONFLICT (room, user_id) DO UPDATE
   SET banned = p.banned OR excluded.banned,
       read = coalesce(excluded.read, p.read),
       accessible = coalesce(excluded.accessible, p.accessible),
       write = coalesce(excluded.write, p.write),
       upload = coalesce(excluded.upload, p.upload),
       moderator = NOT (p.banned OR excluded.banned) AND (p.moderator OR excluded.moderator),
       admin = NOT (p.banned OR excluded.banned) AND (p.admin OR excluded.admin),
       visible_mod = CASE WHEN excluded.moderator THEN excluded.visible_mod
                          ELSE p.visible_mod END;

-- The lists of moderators name another id from now on.
PREPARE "pending.clear_permissions" AS
WITH moved AS (
    DELETE FROM permissions
     WHERE user_id = $1
    RETURNING room, moderator),
listed AS (
    UPDATE rooms r
       SET info_updates = info_updates + 1
      FROM moved
     WHERE r.id = moved.room AND moved.moderator)
UPDATE versions v
   SET value = value + 1
  FROM moved
 WHERE v.scope = 3 AND v.id = moved.room;

PREPARE "pending.move_permission_futures" AS
UPDATE permission_futures
   SET user_id = $2
 WHERE user_id = $1;

PREPARE "pending.move_ban_futures" AS
UPDATE ban_futures
   SET user_id = $2
 WHERE user_id = $1;

PREPARE "pending.unrecorded" AS
SELECT u.id, u.session_id
  FROM users u
 WHERE u.id > $1 AND get_byte(u.session_id, 0) = 5
   AND (u.banned OR u.moderator
        OR EXISTS (SELECT 1 FROM permissions p WHERE p.user_id = u.id)
        OR EXISTS (SELECT 1 FROM permission_futures f WHERE f.user_id = u.id)
        OR EXISTS (SELECT 1 FROM ban_futures f WHERE f.user_id = u.id))
   AND NOT EXISTS (SELECT 1 FROM needs_blinding n WHERE n.user_id = u.id)
 ORDER BY u.id
 LIMIT $2;
