-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/message_mac.c.

-- The two ends of a body are all of it that is hashed. Rows that somebody changes now come later.
PREPARE "message_mac.missing" AS
SELECT m.id, m.room, m.seqno_creation, m.key_id,
       substring(m.body, 1, 24) || substring(m.body, octet_length(m.body) - 15),
       :mac_columns
  FROM messages m
  JOIN users a ON a.id = m.author
  LEFT JOIN users w ON w.id = m.whisper_to
 WHERE m.mac IS NULL AND m.body IS NOT NULL AND m.id > $1
 ORDER BY m.id
 LIMIT $2
   FOR NO KEY UPDATE OF m SKIP LOCKED;

PREPARE "message_mac.fill" AS
UPDATE messages m
   SET mac = t.mac
  FROM unnest($1::bigint[], $2::bytea[]) AS t (id, mac)
 WHERE m.id = t.id AND m.mac IS NULL;

PREPARE "message_mac.count" AS
SELECT count(*)
  FROM messages
 WHERE mac IS NULL AND body IS NOT NULL;
