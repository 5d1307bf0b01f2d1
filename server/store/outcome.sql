-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/outcome.c.

-- The day of the database's clock: its partition exists, however wrong the clock of this process
-- is.
PREPARE "outcome.mark" AS
INSERT INTO nonces (day, nonce)
VALUES (floor(extract(epoch FROM clock_timestamp()) / 86400), $1)
 RETURNING day::bigint;

-- A second insert waits for the first transaction, and does nothing exactly if that has committed.
PREPARE "outcome.find" AS
INSERT INTO nonces (day, nonce)
VALUES ($1, $2)
    ON CONFLICT DO NOTHING
 RETURNING 1::bigint;

-- PostgreSQL asks whether it may write before it looks for rows.
PREPARE "outcome.probe" AS
UPDATE server
   SET welcomed = welcomed
 WHERE false;
