-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/attachments.c.

PREPARE "attachments.adopt" AS
UPDATE files f
   SET message = t.message,
       expiry = CASE
           WHEN EXISTS (SELECT 1 FROM pins p WHERE p.message = t.message)
           THEN NULL ELSE $7::float8 END
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
       AS t (room, message, uploader, file)
 WHERE f.id = t.file AND f.room = t.room AND f.uploader = t.uploader
   AND f.message IS NULL AND f.uploaded > $5 AND f.expiry > $6;

PREPARE "attachments.expire_messages" AS
UPDATE files f
   SET expiry = 0
 WHERE f.message = ANY($1::bigint[])
   AND NOT EXISTS (SELECT 1 FROM rooms r WHERE r.image = f.id);

PREPARE "attachments.expire_uploader" AS
UPDATE files f
   SET expiry = 0
 WHERE f.room = $1 AND f.uploader = $2
   AND NOT EXISTS (SELECT 1 FROM rooms r WHERE r.image = f.id);

-- What has expired stays so.
PREPARE "attachments.pin" AS
UPDATE files
   SET expiry = NULL
 WHERE message = ANY($1::bigint[]) AND expiry > 0;

PREPARE "attachments.unpin" AS
UPDATE files f
   SET expiry = f.uploaded + $2
 WHERE f.message = ANY($1::bigint[]) AND f.expiry IS NULL
   AND NOT EXISTS (SELECT 1 FROM rooms r WHERE r.image = f.id);
