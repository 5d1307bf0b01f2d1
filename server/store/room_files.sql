-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/room_files.c.

PREPARE "room_files.rules" AS
SELECT u.moderator OR u.admin OR coalesce(p.moderator OR p.admin, false)
       OR (NOT u.banned AND NOT coalesce(p.banned, false)
           AND coalesce(p.write, r.write) AND coalesce(p.upload, r.upload)),
       s.quota, s.types, coalesce(s.bytes, 0)
  FROM rooms r
  JOIN users u ON u.id = $2
  LEFT JOIN permissions p ON p.room = r.id AND p.user_id = u.id
  LEFT JOIN room_storage s ON s.room = r.id
 WHERE r.id = $1;

PREPARE "room_files.storage" AS
SELECT false, s.quota, s.types, coalesce(s.bytes, 0)
  FROM rooms r
  LEFT JOIN room_storage s ON s.room = r.id
 WHERE r.id = $1;

PREPARE "room_files.add" AS
INSERT INTO files (room, uploader, blob, name, uploaded, expiry)
VALUES ($1, $2, $3, $4, $5, $6)
 RETURNING id;

PREPARE "room_files.charge" AS
INSERT INTO room_storage AS s (room, bytes)
VALUES ($1, $2)
    ON CONFLICT (room) DO UPDATE
   SET bytes = s.bytes + excluded.bytes
 RETURNING s.bytes;

PREPARE "room_files.find" AS
SELECT :file_columns, f.name
  FROM files f
  JOIN blobs b ON b.id = f.blob
 WHERE f.id = $2 AND f.room = $1 AND NOT b.blocked
   AND (f.expiry IS NULL OR f.expiry > $3);

PREPARE "room_files.by_number" AS
SELECT :file_columns
  FROM files f
  JOIN blobs b ON b.id = f.blob
 WHERE f.id = $1 AND b.hash IS NULL;

PREPARE "room_files.lock" AS
SELECT :file_columns
  FROM files f
  JOIN blobs b ON b.id = f.blob
 WHERE f.id = $1 AND b.hash IS NULL
   FOR UPDATE OF b;

PREPARE "room_files.change" AS
INSERT INTO room_storage AS s (room, quota, types)
VALUES ($1, CASE WHEN $2 THEN $3::bigint END, CASE WHEN $4 THEN $5::text END)
    ON CONFLICT (room) DO UPDATE
   SET quota = CASE WHEN $2 THEN excluded.quota ELSE s.quota END,
       types = CASE WHEN $4 THEN excluded.types ELSE s.types END;
