-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/versions.c.

PREPARE "versions.read" AS
SELECT scope, id, value
  FROM versions
 ORDER BY scope, id;

PREPARE "versions.bump" AS
UPDATE versions
   SET value = value + 1
 WHERE scope = $1 AND id = $2;

PREPARE "versions.bump_rights" AS
UPDATE versions
   SET value = value + 1
 WHERE scope = 3 AND id = ANY($1::bigint[]);

-- Not durable, so not worth a flush: COMMIT of a NOTIFY holds a lock that serialises all others.
PREPARE "versions.notify" AS
SELECT set_config('synchronous_commit', 'off', true),
       pg_notify('conclave', '')::text;
