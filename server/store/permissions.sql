-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/permissions.c.

-- A subquery rather than a join: no plan of it reads the whole of users for a small room.
PREPARE "permissions.list" AS
SELECT p.room, (SELECT session_id FROM users WHERE id = p.user_id),
       p.banned, p.moderator, p.admin, p.visible_mod,
       p.read, p.accessible, p.write, p.upload, p.user_id
  FROM permissions p
 WHERE p.room :is_owner
   AND p.user_id > $2
 ORDER BY p.room, p.user_id
 LIMIT $3;

PREPARE "permissions.fullest" AS
SELECT coalesce(max((SELECT count(*)
                       FROM (SELECT FROM permissions p
                              WHERE p.room = r.room
                              LIMIT $2::bigint + 1) AS few)), 0)
  FROM unnest($1::bigint[]) AS r (room);

PREPARE "permissions.one" AS
SELECT p.room, u.session_id, p.banned, p.moderator, p.admin, p.visible_mod,
       p.read, p.accessible, p.write, p.upload
  FROM permissions p
  JOIN users u ON u.id = p.user_id
 WHERE p.room = $1 AND p.user_id = $2;

PREPARE "permissions.of_user" AS
SELECT p.room, u.session_id, p.banned, p.moderator, p.admin, p.visible_mod,
       p.read, p.accessible, p.write, p.upload, r.token
  FROM permissions p
  JOIN users u ON u.id = p.user_id
  JOIN rooms r ON r.id = p.room
 WHERE p.user_id = $1
 ORDER BY lower(r.token);

PREPARE "permissions.change" AS
INSERT INTO permissions AS p
       (room, user_id, read, accessible, write, upload)
VALUES ($1, $2, $4, $6, $8, $10)
    ON CONFLICT (room, user_id) DO UPDATE
   SET read = CASE WHEN $3 THEN $4 ELSE p.read END,
       accessible = CASE WHEN $5 THEN $6 ELSE p.accessible END,
       write = CASE WHEN $7 THEN $8 ELSE p.write END,
       upload = CASE WHEN $9 THEN $10 ELSE p.upload END;

PREPARE "permissions.tidy" AS
DELETE FROM permissions
 WHERE user_id = $1 AND room = ANY($2::bigint[]) AND NOT banned AND NOT moderator
   AND read IS NULL AND accessible IS NULL AND write IS NULL AND upload IS NULL;
