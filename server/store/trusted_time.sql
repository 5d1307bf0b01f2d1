-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/trusted_time.c.

PREPARE "clock.read" AS
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
       coalesce((SELECT trusted_s FROM server), 0);

PREPARE "clock.remember" AS
UPDATE server
   SET trusted_s = $1::bigint
 WHERE trusted_s < $1::bigint - $2::bigint;

PREPARE "clock.accept" AS
UPDATE server
   SET trusted_s = $1::bigint,
       nonces_after_s = least(nonces_after_s, $1::bigint);

PREPARE "clock.database" AS
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;
