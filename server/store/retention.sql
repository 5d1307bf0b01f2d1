-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/retention.c.

PREPARE "retention.list" AS
SELECT room, coalesce(keep_s, 0), coalesce(keep_bytes, 0)
  FROM retention
 WHERE keep_s IS NOT NULL OR keep_bytes IS NOT NULL
 ORDER BY room;

PREPARE "retention.get" AS
SELECT room, coalesce(keep_s, 0), coalesce(keep_bytes, 0)
  FROM retention
 WHERE room = $1;

PREPARE "retention.set" AS
INSERT INTO retention (room, keep_s, keep_bytes)
VALUES ($1, $2, $3)
    ON CONFLICT (room) DO UPDATE
   SET keep_s = $2, keep_bytes = $3;

PREPARE "retention.preview" AS
SELECT count(*), coalesce(sum(octet_length(m.body)), 0)::bigint,
       coalesce(sum((SELECT count(*) FROM files f
                      WHERE f.message = m.id
                        AND f.expiry IS DISTINCT FROM 0)), 0)::bigint,
       coalesce(sum(coalesce((SELECT sum(b.size)
                                FROM files f
                                JOIN blobs b ON b.id = f.blob
                               WHERE f.message = m.id AND f.expiry IS DISTINCT FROM 0), 0)),
                0)::bigint
  FROM messages m
 WHERE m.room :is_owner AND m.state = :MESSAGE_VISIBLE AND m.body IS NOT NULL
   AND (m.posted < $2 OR m.id <= $3)
   AND NOT EXISTS (SELECT 1 FROM pins p WHERE p.message = m.id);

-- Bytes of a message with its files, which are those that have not expired.
PREPARE "retention.cut" AS
SELECT coalesce(max(id), 0)
  FROM (SELECT m.id,
               sum(octet_length(m.body)
                   + coalesce((SELECT sum(b.size)
                                 FROM files f
                                 JOIN blobs b ON b.id = f.blob
                                WHERE f.message = m.id AND f.expiry IS DISTINCT FROM 0), 0))
               OVER (ORDER BY m.room DESC, m.id DESC) AS bytes
          FROM messages m
         WHERE m.room :is_owner AND m.state = :MESSAGE_VISIBLE AND m.body IS NOT NULL) t
 WHERE bytes > $2::bigint;

PREPARE "retention.victims" AS
(SELECT id
   FROM (SELECT m.id, m.posted
           FROM messages m
          WHERE m.room :is_owner AND m.state = :MESSAGE_VISIBLE AND m.body IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM pins p WHERE p.message = m.id)
          ORDER BY m.room, m.id LIMIT $4) live
  WHERE posted < $2 OR id <= $3)
 UNION ALL
(SELECT id
   FROM (SELECT m.id, m.posted
           FROM messages m
          WHERE m.room :is_owner AND m.state <> :MESSAGE_VISIBLE
          ORDER BY m.room, m.id LIMIT $4) unseen
  WHERE posted < $2)
 UNION ALL
(SELECT id
   FROM (SELECT m.id, m.edited
           FROM messages m
          WHERE m.room :is_owner AND m.state = :MESSAGE_VISIBLE AND m.body IS NULL
          ORDER BY m.room, m.seqno_data LIMIT $4) tombs
  WHERE edited < $2);

PREPARE "retention.remove" AS
DELETE FROM messages
 WHERE id = ANY($1::bigint[]);

PREPARE "retention.mark" AS
INSERT INTO retention (room, purged_to)
VALUES ($1, $2)
    ON CONFLICT (room) DO UPDATE
   SET purged_to = greatest(retention.purged_to, $2);

PREPARE "retention.tell" AS
INSERT INTO versions (scope, id)
VALUES (5, $1)
    ON CONFLICT (scope, id) DO UPDATE
   SET value = versions.value + 1;

PREPARE "retention.purged_to" AS
SELECT purged_to
  FROM retention
 WHERE room = $1;
