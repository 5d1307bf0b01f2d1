-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/changing.c.

-- The index of an author's messages is in the order of time; deleted ones stand in it too, so the
-- next slice begins where the last one ended.
PREPARE "changing.targets" AS
WITH wanted AS (
    SELECT unnest($1::bigint[]) AS id
     UNION
    SELECT m.id
      FROM unnest($3::bigint[], $4::bigint[], $5::float8[]) AS t (room, author, posted)
     CROSS JOIN LATERAL (SELECT m.id
                           FROM messages m
                          WHERE m.author = t.author AND m.room = t.room
                            AND m.posted >= t.posted AND m.body IS NOT NULL
                          ORDER BY m.posted
                          LIMIT $6) m)
SELECT m.id, m.room, m.author, m.posted, m.seqno_creation, m.seqno_data, m.seqno_reactions,
       m.state, m.body IS NULL, m.whisper_mods OR m.whisper_to IS NOT NULL, m.key_id,
       CASE WHEN m.id = ANY($2::bigint[]) THEN m.body END,
       m.edited, m.whisper_mods, m.mac,
       CASE WHEN m.id = ANY($2::bigint[])
            THEN (SELECT session_id FROM users WHERE id = m.whisper_to) END
  FROM wanted
  JOIN messages m USING (id)
 ORDER BY m.id;

PREPARE "changing.is_there" AS
SELECT count(*)
  FROM messages
 WHERE id = $2 AND room = $1 AND body IS NOT NULL;

-- Uploads as attachments.expire_uploader takes them.
PREPARE "changing.rooms_of" AS
SELECT t.room, sum(t.messages)::bigint
  FROM (SELECT m.room, count(*) AS messages
          FROM messages m
         WHERE m.author = $1 AND ($2::bigint = 0 OR m.room = $2) AND m.body IS NOT NULL
         GROUP BY m.room
         UNION ALL
        SELECT f.room, 0
          FROM files f
         WHERE f.uploader = $1 AND f.room IS NOT NULL AND ($2 = 0 OR f.room = $2)
           AND f.expiry IS DISTINCT FROM 0
           AND NOT EXISTS (SELECT 1 FROM rooms r WHERE r.image = f.id)) t
 GROUP BY t.room
 ORDER BY t.room;

PREPARE "changing.write" AS
UPDATE messages m
   SET edited = t.edited, seqno_data = t.seqno_data, body = t.body,
       key_id = t.key_id, mac = t.mac
  FROM unnest($1::bigint[], $2::float8[], $3::bigint[], $4::bigint[],
              $5::bytea[], $6::bytea[])
       AS t (id, edited, seqno_data, key_id, body, mac)
 WHERE m.id = t.id;

PREPARE "changing.reacted" AS
UPDATE messages m
   SET seqno_reactions = t.seqno
  FROM unnest($1::bigint[], $2::bigint[]) AS t (id, seqno)
 WHERE m.id = t.id;

PREPARE "changing.unpin" AS
DELETE FROM pins
 WHERE message = ANY($1::bigint[])
 RETURNING room;
