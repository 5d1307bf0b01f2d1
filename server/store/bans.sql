-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/bans.c.

PREPARE "bans.add" AS
INSERT INTO permissions (room, user_id, banned)
SELECT room, $1::bigint, true
  FROM unnest($2::bigint[]) AS t (room)
 ORDER BY room
    ON CONFLICT (room, user_id) DO UPDATE
   SET banned = true;

PREPARE "bans.lift" AS
UPDATE permissions
   SET banned = false
 WHERE user_id = $1 AND room = ANY($2::bigint[]) AND banned;

PREPARE "bans.set_global" AS
UPDATE users
   SET banned = $2
 WHERE id = $1 AND banned <> $2;
