-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/dms.c.

-- $1 owner, $2 since, $3 now, $4 rows, $5 bytes. octet_length of a sealed body does not read it.
PREPARE "dms.inbox" AS
SELECT p.id, p.posted_at, p.expires_at,
       (SELECT session_id FROM users WHERE id = p.sender),
       (SELECT session_id FROM users WHERE id = p.recipient),
       p.sender, p.recipient, p.key_id, p.body
  FROM (SELECT d.*, sum(octet_length(d.body)) OVER (ORDER BY d.id) AS bytes
          FROM (SELECT m.*
                  FROM users u
                 CROSS JOIN LATERAL (SELECT *
                                       FROM direct_messages
                                      WHERE recipient
 = ANY(ARRAY[u.id])
                                        AND id > $2 AND expires_at > $3
                                      ORDER BY recipient, id :own_limit
) m
                 WHERE u.session_id = $1
                 ORDER BY m.id LIMIT $4) d) p
 WHERE p.bytes - octet_length(p.body) < $5
 ORDER BY p.id;

PREPARE "dms.outbox" AS
SELECT p.id, p.posted_at, p.expires_at,
       (SELECT session_id FROM users WHERE id = p.sender),
       (SELECT session_id FROM users WHERE id = p.recipient),
       p.sender, p.recipient, p.key_id, p.body
  FROM (SELECT d.*, sum(octet_length(d.body)) OVER (ORDER BY d.id) AS bytes
          FROM (SELECT m.*
                  FROM users u
                 CROSS JOIN LATERAL (SELECT *
                                       FROM direct_messages
                                      WHERE sender
 = ANY(ARRAY[u.id])
                                        AND id > $2 AND expires_at > $3
                                      ORDER BY sender, id :own_limit
) m
                 WHERE u.session_id = $1
                 ORDER BY m.id LIMIT $4) d) p
 WHERE p.bytes - octet_length(p.body) < $5
 ORDER BY p.id;

PREPARE "dms.newest" AS
SELECT (SELECT id
   FROM direct_messages
  WHERE recipient
 = ANY(ARRAY[u.id])
  ORDER BY recipient
 DESC, id DESC LIMIT 1), (SELECT id
   FROM direct_messages
  WHERE sender
 = ANY(ARRAY[u.id])
  ORDER BY sender
 DESC, id DESC LIMIT 1)
  FROM users u WHERE u.session_id = $1;

PREPARE "dms.after" AS
SELECT d.id, s.session_id, r.session_id
  FROM direct_messages d
  JOIN users s ON s.id = d.sender
  JOIN users r ON r.id = d.recipient
 WHERE d.id > $1
 ORDER BY d.id LIMIT $2;

PREPARE "dms.banned" AS
SELECT banned::int
  FROM users
 WHERE id = $1;

-- The row of versions stays locked until commit: ids become visible in their order.
PREPARE "dms.send" AS
WITH drawn AS (
    UPDATE versions
       SET value = value + 1
     WHERE scope = 4 AND id = 0
       AND (SELECT count(*)
              FROM (SELECT FROM direct_messages WHERE sender = $1 LIMIT $7) s) < $7
       AND (SELECT count(*)
              FROM (SELECT FROM direct_messages WHERE recipient = $2 LIMIT $8) r) < $8
       AND (NOT $9
            OR (SELECT count(*)
                  FROM direct_messages
                 WHERE recipient = $2 AND by_stranger) < $10)
    RETURNING value)
INSERT INTO direct_messages
       (id, sender, recipient, posted_at, expires_at, key_id, body, by_stranger)
SELECT value, $1, $2, $3, $4, $5, $6, $9
  FROM drawn
 RETURNING id;

-- $1 recipient, $2 for a stranger, $3 an inbox, $4 the strangers' part. Those of one sender go by
-- their age.
PREPARE "dms.make_room" AS
WITH inbox AS MATERIALIZED (
    SELECT id, sender, by_stranger
      FROM direct_messages
     WHERE recipient :is_owner
     ORDER BY recipient, id),
held AS MATERIALIZED (
    SELECT count(*) >= $3 AS is_full,
           $2 AND count(*) FILTER (WHERE by_stranger) >= $4 AS part_is_full
      FROM inbox),
heaviest AS (
    SELECT min(d.id) AS id
      FROM inbox d
     CROSS JOIN held h
     WHERE CASE WHEN h.part_is_full THEN d.by_stranger ELSE h.is_full END
     GROUP BY d.sender
     ORDER BY count(*) DESC, min(d.id)
     LIMIT 1)
DELETE FROM direct_messages d
 USING heaviest
 WHERE d.id = heaviest.id
 RETURNING d.id;

PREPARE "dms.clear" AS
WITH gone AS (
    DELETE FROM direct_messages
     WHERE recipient = (SELECT id FROM users WHERE session_id = $1)
    RETURNING 1)
SELECT count(*) FROM gone;

PREPARE "dms.expire" AS
WITH gone AS (
    DELETE FROM direct_messages
     WHERE id IN (SELECT id FROM direct_messages WHERE expires_at <= $1
                   ORDER BY expires_at LIMIT $2)
    RETURNING 1)
SELECT count(*) FROM gone;
