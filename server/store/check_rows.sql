-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/check_rows.c.

PREPARE "check.keys" AS
SELECT k.id, r.token
  FROM ring_keys k
  LEFT JOIN rooms r ON r.id = k.room
 WHERE k.id > $1
 ORDER BY k.id LIMIT $2;

PREPARE "check.messages" AS
SELECT m.id, r.token, m.key_id, m.body, m.room, m.seqno_creation,
       :mac_columns
  FROM messages m
  JOIN rooms r ON r.id = m.room
  JOIN users a ON a.id = m.author
  LEFT JOIN users w ON w.id = m.whisper_to
 WHERE m.id > $1 AND m.body IS NOT NULL
 ORDER BY m.id LIMIT $2;

PREPARE "check.reactions" AS
SELECT x.id, r.token, x.key_id, x.text, m.room, m.id
  FROM reactions x
  JOIN messages m ON m.id = x.message
  JOIN rooms r ON r.id = m.room
 WHERE x.id > $1
 ORDER BY x.id LIMIT $2;

PREPARE "check.dms" AS
SELECT id, NULL::text, key_id, body, sender, recipient
  FROM direct_messages
 WHERE id > $1
 ORDER BY id LIMIT $2;

PREPARE "check.files" AS
SELECT :file_columns, f.name
  FROM blobs b
 CROSS JOIN LATERAL (SELECT *
                       FROM files
                      WHERE blob = b.id AND (expiry IS NULL OR expiry > $2)
                        AND (b.hash IS NOT NULL OR room IS NOT NULL)
                      ORDER BY room IS NOT DISTINCT FROM b.room, id LIMIT 1) f
 WHERE b.id > $1 AND NOT b.blocked
 ORDER BY b.id LIMIT $3;
