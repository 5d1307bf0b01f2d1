-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/standing.c.

PREPARE "standing.lock" AS
SELECT id
  FROM rooms
 WHERE id = ANY($1::bigint[])
 ORDER BY id
   FOR NO KEY UPDATE;

PREPARE "standing.lock_all" AS
SELECT id
  FROM rooms
 ORDER BY id
   FOR NO KEY UPDATE;

PREPARE "standing.read" AS
SELECT t.room, coalesce(u.banned, false), coalesce(u.moderator, false),
       coalesce(u.admin, false), coalesce(u.visible_mod, false),
       coalesce(p.banned, false), coalesce(p.moderator, false), coalesce(p.admin, false),
       coalesce(p.visible_mod, true)
  FROM unnest($2::bigint[]) WITH ORDINALITY AS t (room, ordinal)
  LEFT JOIN users u ON u.session_id = $1
  LEFT JOIN permissions p ON p.room = t.room AND p.user_id = u.id
 ORDER BY ordinal;
