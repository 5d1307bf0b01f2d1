-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/retries.c.

PREPARE "retries.find" AS
SELECT place, id, posted, seqno, state, whisper_mods, whisper_to
  FROM post_retries_find($1::bytea[], $2);

-- The row of one that is forgotten may still be there.
PREPARE "retries.keep" AS
INSERT INTO post_retries (digest, message, until_s)
SELECT digest, message, $3::bigint
  FROM unnest($1::bytea[], $2::bigint[]) AS t (digest, message)
    ON CONFLICT (digest) DO UPDATE
   SET message = EXCLUDED.message, until_s = EXCLUDED.until_s;

PREPARE "retries.expire" AS
WITH gone AS (
    DELETE FROM post_retries
     WHERE digest IN (SELECT digest FROM post_retries
                       WHERE until_s <= $1 LIMIT $2)
    RETURNING 1)
SELECT count(*) FROM gone;
