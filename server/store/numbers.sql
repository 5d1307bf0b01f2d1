-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/numbers.c.

-- -1: not recorded yet.
PREPARE "numbers.timeline" AS
SELECT coalesce(timeline, -1), database_timeline()
  FROM server;

PREPARE "numbers.lock" AS
SELECT coalesce(timeline, -1)
  FROM server
   FOR UPDATE;

PREPARE "numbers.record" AS
UPDATE server
   SET timeline = $1;

PREPARE "numbers.version" AS
SELECT value
  FROM versions
 WHERE id = $1 AND scope = $2::bigint;

PREPARE "numbers.room" AS
SELECT message_sequence
  FROM rooms
 WHERE id = $1 AND $2::bigint = 0;

-- Whether to believe it; marks that this was done.
PREPARE "numbers.believe" AS
UPDATE server
   SET raised_s = floor(extract(epoch FROM clock_timestamp()))
 WHERE raised_s < extract(epoch FROM clock_timestamp()) - 86400
   AND EXISTS (SELECT 1 FROM rooms WHERE id = $1 AND message_sequence < $2)
 RETURNING id::bigint;
