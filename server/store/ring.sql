-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/ring.c.

-- The migration that brought the column is the least that a program must know.
PREPARE "ring.find" AS
SELECT id, wrapped, wrapped_by
  FROM ring_keys
 WHERE kind = $1 AND coalesce(room, 0) = $2 AND month = $3;

-- Nothing is added under another storage key than the one in use; the lock keeps it in use
-- until the commit.
PREPARE "ring.add" AS
WITH used AS (SELECT storage_key FROM server FOR SHARE)
INSERT INTO ring_keys (kind, room, month, wrapped, wrapped_by)
SELECT $1::smallint, $2::bigint, $3::integer, $4::bytea, $5::bytea
 WHERE NOT EXISTS (SELECT 1 FROM used WHERE storage_key <> $5)
    ON CONFLICT DO NOTHING;

PREPARE "ring.by_id" AS
SELECT kind, coalesce(room, 0), month, wrapped, wrapped_by
  FROM ring_keys
 WHERE id = $1;

PREPARE "ring.forget_dms" AS
DELETE FROM ring_keys k
 WHERE k.kind = 3 AND k.month < $1
   AND NOT EXISTS (SELECT 1 FROM direct_messages d WHERE d.key_id = k.id);

PREPARE "ring.used" AS
SELECT storage_key
  FROM server;

PREPARE "ring.check_write" AS
WITH marked AS (
    UPDATE server
       SET storage_check = $1, storage_key = $2
     WHERE storage_check IS NULL
    RETURNING 1) UPDATE schema_migrations
   SET oldest_program = number
 WHERE name LIKE '%message_macs%' AND EXISTS (SELECT FROM marked);

PREPARE "ring.check_mark" AS
WITH marked AS (
    UPDATE server
       SET storage_check = $1
     WHERE storage_key = $2
    RETURNING 1) UPDATE schema_migrations
   SET oldest_program = number
 WHERE name LIKE '%message_macs%' AND EXISTS (SELECT FROM marked);

PREPARE "ring.name_write" AS
UPDATE server
   SET storage_key = $1
 WHERE storage_key IS NULL;
