-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/rooms.c.

PREPARE "rooms.list" AS
SELECT id, token, name, description, image, created, message_sequence, info_updates,
       active_users, read, accessible, write, upload
  FROM rooms
 ORDER BY lower(token);

PREPARE "rooms.by_id" AS
SELECT id, token, name, description, image, created, message_sequence, info_updates,
       active_users, read, accessible, write, upload
  FROM rooms
 WHERE id = $1;

PREPARE "rooms.by_token" AS
SELECT id, token, name, description, image, created, message_sequence, info_updates,
       active_users, read, accessible, write, upload
  FROM rooms
 WHERE lower(token) = lower($1);

PREPARE "rooms.create" AS
INSERT INTO rooms (token, name, description, created)
VALUES ($1, $2, $3, $4)
 RETURNING id;

PREPARE "rooms.change" AS
UPDATE rooms
   SET name = CASE WHEN $2 THEN $3 ELSE name END,
       description = CASE WHEN $4 THEN $5 ELSE description END,
       read = coalesce($6, read),
       accessible = coalesce($7, accessible),
       write = coalesce($8, write),
       upload = coalesce($9, upload),
       info_updates = info_updates
           + ($2 AND name IS DISTINCT FROM $3)::int
           + ($4 AND description IS DISTINCT FROM $5)::int
 WHERE id = $1
 RETURNING info_updates;

PREPARE "rooms.image" AS
SELECT coalesce(image, 0)
  FROM rooms
 WHERE id = $1;

PREPARE "rooms.keep_image" AS
UPDATE files
   SET expiry = NULL
 WHERE id = $2 AND room = $1 AND (expiry IS NULL OR expiry > $3)
 RETURNING id;

PREPARE "rooms.release_image" AS
UPDATE files f
   SET expiry = CASE
           WHEN NOT EXISTS (SELECT 1 FROM messages m
                             WHERE m.id = f.message AND m.body IS NOT NULL) THEN 0
           WHEN $2::float8 <= 0
                OR EXISTS (SELECT 1 FROM pins p WHERE p.message = f.message) THEN NULL
           ELSE f.uploaded + $2
       END
 WHERE f.id = $1;

PREPARE "rooms.set_image" AS
UPDATE rooms
   SET image = nullif($2::bigint, 0), info_updates = info_updates + 1
 WHERE id = $1;

PREPARE "rooms.info" AS
SELECT token, info_updates
  FROM rooms
 WHERE $1 OR id = ANY($2::bigint[])
 ORDER BY lower(token);

PREPARE "rooms.expire_files" AS
UPDATE files
   SET expiry = 0
 WHERE room = $1;

PREPARE "rooms.forget_attachments" AS
UPDATE files
   SET message = NULL
 WHERE room = $1 AND message IS NOT NULL;

PREPARE "rooms.remove" AS
DELETE FROM rooms
 WHERE id = $1
 RETURNING id;
