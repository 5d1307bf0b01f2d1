-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/first_sights.c.

PREPARE "first_sights.after" AS
SELECT id, session_id, created_hour, last_active_hour
  FROM users
 WHERE id > $1 AND last_active_hour >= $2
 ORDER BY id
 LIMIT $3;
