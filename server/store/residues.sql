-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/residues.c.

-- Shared: every connection of a process may hold it. Once per connection.
PREPARE "residues.live" AS
SELECT CASE WHEN EXISTS (
           SELECT 1 FROM pg_locks
            WHERE locktype = 'advisory' AND classid = 1131376228
              AND objid = $1::bigint::oid AND pid = pg_backend_pid())
       THEN 1::bigint
       ELSE pg_try_advisory_lock_shared(1131376228, $1::bigint::int)::int::bigint END;

PREPARE "residues.claim" AS
WITH lazily AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS done),
live AS MATERIALIZED (
SELECT DISTINCT objid::bigint AS holder
  FROM pg_locks
 WHERE locktype = 'advisory' AND classid = 1131376228
   AND objsubid = 2 AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
),
part AS (SELECT greatest($2 / count(*), 1) AS residues FROM live),
placed AS (
    SELECT p.residue, p.holder, l.holder IS NULL AS free,
           row_number() OVER (PARTITION BY p.holder ORDER BY p.residue) AS place
      FROM posted_residues p
      LEFT JOIN live l ON l.holder = p.holder),
wanted AS (
    SELECT p.residue, p.holder
      FROM placed p, part
     WHERE p.holder <> $1 AND (p.free OR p.place > part.residues)
     ORDER BY p.free DESC, p.place DESC
     LIMIT (SELECT greatest(part.residues - (SELECT count(*)
                                               FROM posted_residues
                                              WHERE holder = $1), 0)
              FROM part)),
taken AS (
    UPDATE posted_residues r
       SET holder = $1
      FROM wanted w, lazily
     WHERE r.residue = w.residue AND r.holder = w.holder
    RETURNING r.reserved_ms)
SELECT coalesce(max(reserved_ms), 0) FROM taken;

PREPARE "residues.reserve" AS
WITH lazily AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS done),
reserved AS (
    UPDATE posted_residues
       SET reserved_ms = CASE WHEN reserved_ms > $2::bigint + $3::bigint THEN $2
                              ELSE greatest(reserved_ms, $2) END
      FROM lazily
     WHERE holder = $1
    RETURNING residue)
SELECT coalesce(sum(1 << residue::int), 0)::bigint FROM reserved;
