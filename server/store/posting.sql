-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/posting.c.

PREPARE "posting.lock" AS
SELECT id, message_sequence, read, accessible, write, upload, posted_ms
  FROM rooms
 WHERE id = ANY($1::bigint[])
 ORDER BY id
   FOR NO KEY UPDATE;

PREPARE "posting.users" AS
INSERT INTO users (session_id, created_hour, last_active_hour)
SELECT DISTINCT s, $2::bigint, $2::bigint
  FROM unnest($1::bytea[]) AS t (s)
 WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.session_id = s)
 ORDER BY s
    ON CONFLICT DO NOTHING;

PREPARE "posting.facts" AS
SELECT coalesce(u.id, 0),
       coalesce(u.banned OR p.banned, u.banned, false),
       coalesce(u.moderator OR p.moderator, u.moderator, false),
       coalesce(u.admin OR p.admin, u.admin, false),
       coalesce(u.admin, false), p.read, p.accessible, p.write, p.upload,
       (SELECT count(*)
          FROM messages m
         WHERE m.author = u.id AND m.room = t.room AND m.posted > $3 AND m.posted <= $4)
  FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS t (room, session_id, ordinal)
  LEFT JOIN users u USING (session_id)
  LEFT JOIN permissions p ON p.room = t.room AND p.user_id = u.id
 ORDER BY ordinal;

PREPARE "posting.insert" AS
INSERT INTO messages (room, author, posted, seqno_creation, seqno_data, state, whisper_to,
                      whisper_mods, key_id, body, mac)
SELECT room, author, posted, seqno, seqno, state, nullif(whisper_to, 0),
       whisper_mods, key_id, body, mac
  FROM unnest($1::bigint[], $2::bigint[], $3::float8[], $4::bigint[], $5::smallint[], $6::bigint[],
              $7::boolean[], $8::bigint[], $9::bytea[], $10::bytea[]) WITH ORDINALITY
       AS t (room, author, posted, seqno, state, whisper_to,
             whisper_mods, key_id, body, mac, ordinal)
 ORDER BY ordinal
 RETURNING id;

PREPARE "posting.advance" AS
WITH advanced AS (
    UPDATE rooms r
       SET message_sequence = t.sequence,
           posted_ms = coalesce(nullif(t.posted_ms, 0), r.posted_ms),
           info_updates = r.info_updates + t.unpinned
      FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
           AS t (room, sequence, posted_ms, unpinned)
     WHERE r.id = t.room
    RETURNING r.id)
UPDATE versions v
   SET value = value + 1
  FROM advanced
 WHERE v.scope = 2 AND v.id = advanced.id;
