-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/pins.c.

PREPARE "pins.list" AS
SELECT p.message, p.pinned_at, u.session_id
  FROM pins p
  JOIN users u ON u.id = p.pinned_by
 WHERE p.room = $1
 ORDER BY p.pinned_at, p.message;

PREPARE "pins.others" AS
SELECT count(*)
  FROM pins
 WHERE room = $1 AND message <> $2;

-- Later than all others, whatever the clock did: the order of pins is the order of pinning.
PREPARE "pins.add" AS
INSERT INTO pins (room, message, pinned_by, pinned_at)
SELECT m.room, m.id, u.id,
       greatest($4::float8, (SELECT max(pinned_at) + 0.001 FROM pins
                              WHERE room = $1 AND message <> $2))
  FROM messages m
  JOIN users u ON u.session_id = $3
 WHERE m.room = $1 AND m.id = $2 AND m.state = :MESSAGE_VISIBLE AND m.body IS NOT NULL
   AND m.whisper_to IS NULL AND NOT m.whisper_mods
    ON CONFLICT (room, message) DO UPDATE
   SET pinned_by = excluded.pinned_by, pinned_at = excluded.pinned_at
 RETURNING message;

PREPARE "pins.remove" AS
DELETE FROM pins
 WHERE room = $1 AND ($2::bigint = -1 OR message = $2)
 RETURNING message;

PREPARE "pins.info" AS
UPDATE rooms
   SET info_updates = info_updates + $2
 WHERE id = $1;
