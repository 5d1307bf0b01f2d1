-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/nonces.c.

-- What was signed on a day whose nonces were dropped may have run before: it is refused
-- (nonces_after_s).
--
-- One round trip: the setting holds for the statement's own transaction. It is durable whenever a
-- later, flushed commit is, because the log is written in order; and a later write is what it
-- protects.
PREPARE "nonces.claim" AS
WITH lazily AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true) AS done)
INSERT INTO nonces (day, nonce)
SELECT $1, $2
  FROM lazily
 WHERE NOT EXISTS (SELECT 1 FROM server WHERE nonces_after_s > $3)
    ON CONFLICT DO NOTHING
 RETURNING 1::bigint;

PREPARE "nonces.is_claimed" AS
SELECT count(*)
  FROM (SELECT FROM nonces WHERE day = $1 AND nonce = $2
         UNION ALL
        SELECT FROM server WHERE nonces_after_s > $3) n;

-- In the order of the key, so that two batches with the same nonces cannot lock each other out.
PREPARE "nonces.claim_many" AS
WITH input AS MATERIALIZED (
    SELECT DISTINCT ON (day, nonce) day::integer AS day, nonce, ordinal
      FROM unnest($1::bigint[], $2::bytea[], $3::bigint[]) WITH ORDINALITY
           AS t (day, nonce, signed_s, ordinal)
     WHERE NOT EXISTS (SELECT 1 FROM server WHERE nonces_after_s > signed_s)
     ORDER BY day, nonce, ordinal),
won AS (
    INSERT INTO nonces (day, nonce)
    SELECT day, nonce
      FROM input
     ORDER BY day, nonce
        ON CONFLICT DO NOTHING
     RETURNING day, nonce)
SELECT ordinal - 1
  FROM input
  JOIN won USING (day, nonce);

PREPARE "nonces.add_days" AS
SELECT partitions_add('nonces',
                      greatest($1::integer, (SELECT (nonces_after_s / 86400)::integer
                                               FROM server)),
                      $2)::bigint;

-- Before the first day goes, and committed: a claim that comes later is refused, not forgotten.
PREPARE "nonces.refuse_before" AS
UPDATE server
   SET nonces_after_s = $1
 WHERE nonces_after_s < $1;

PREPARE "nonces.days_before" AS
SELECT partitions_before('nonces', $1)::bigint;

-- Not during a backup (ADVISORY_BACKUP), which holds the table: whoever posts would wait behind the
-- waiting drop.
PREPARE "nonces.drop_day" AS
SELECT CASE WHEN pg_try_advisory_xact_lock(1131376227, 5)
            THEN partitions_drop('nonces', $1)::text END;
