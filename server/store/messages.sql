-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/messages.c.

-- People are looked up row by row: a join may read all of them.
--
-- Events in order of their number, from four sources, each walked in the order of its own index
-- and no further than the page can reach (docs/decisions/0001-indexes-of-events.md): what was
-- written, reactions to what the reader has, and deletions, of which only those count for a reader
-- whose message he knows. Those are looked for twice: `near` walks a few pages of deletions, which
-- is where they mostly are; only when it found too few among too many does `far` ask the index of
-- lives for exactly them.
--
-- `stop` is what makes it cheap: when the written rows alone fill the page, nothing behind the last
-- of them matters. $1 room, $2 since, $3 up to, $4 rows, $5 with reactions, $6 deletions of what
-- was created up to there.
PREPARE "messages.events" AS
WITH written AS MATERIALIZED (
    SELECT id, seqno_data AS event
      FROM messages
     WHERE room = $1 AND state = :MESSAGE_VISIBLE AND body IS NOT NULL
       AND seqno_data > $2 AND seqno_data <= $3
     ORDER BY seqno_data LIMIT $4),
stop AS MATERIALIZED (
    SELECT CASE WHEN count(*) < $4 THEN $3 ELSE max(event) END AS event
      FROM written),
reacted AS (
    SELECT id, seqno_reactions AS event
      FROM messages
     WHERE $5 AND room = $1 AND state = :MESSAGE_VISIBLE AND body IS NOT NULL
       AND seqno_reactions > seqno_data AND seqno_data <= $2
       AND seqno_reactions > $2 AND seqno_reactions <= (SELECT event FROM stop)
     ORDER BY seqno_reactions LIMIT $4),
near AS MATERIALIZED (
    SELECT id, seqno_data AS event, seqno_creation <= $6 AS counts
      FROM messages
     WHERE $6 > 0 AND room = $1 AND state = :MESSAGE_VISIBLE AND body IS NULL
       AND seqno_data > $2 AND seqno_data <= (SELECT event FROM stop)
     ORDER BY seqno_data LIMIT 4 * $4),
far AS MATERIALIZED (
    SELECT id, seqno_data AS event
      FROM messages
     WHERE (SELECT count(*) = 4 * $4 AND count(*) FILTER (WHERE counts) < $4 FROM near)
       AND state = :MESSAGE_VISIBLE AND body IS NULL
       AND int8range((room << 40) + seqno_creation, (room << 40) + seqno_data)
           @> (($1 << 40) + least($6, $2))
       AND seqno_data > (SELECT max(event) FROM near)
       AND seqno_data <= (SELECT event FROM stop)
     ORDER BY seqno_data LIMIT $4),
page AS (
    SELECT id, event FROM written
     UNION ALL SELECT id, event FROM reacted
     UNION ALL SELECT id, event FROM near WHERE counts
     UNION ALL SELECT id, event FROM far
     ORDER BY event LIMIT $4)
SELECT m.id, (SELECT session_id FROM users WHERE id = m.author), m.posted, m.edited,
       m.seqno_creation, m.seqno_data, m.seqno_reactions,
 (SELECT session_id FROM users WHERE id = m.whisper_to),
       m.whisper_mods, m.key_id, m.body, m.room, m.state, m.mac
  FROM page
  JOIN messages m ON m.id = page.id
 ORDER BY page.event;

PREPARE "messages.before" AS
SELECT m.id, (SELECT session_id FROM users WHERE id = m.author), m.posted, m.edited,
       m.seqno_creation, m.seqno_data, m.seqno_reactions,
 (SELECT session_id FROM users WHERE id = m.whisper_to),
       m.whisper_mods, m.key_id, m.body, m.room, m.state, m.mac
  FROM (SELECT *
          FROM messages
         WHERE room :is_owner
   AND id < $2
           AND state = :MESSAGE_VISIBLE AND body IS NOT NULL
         ORDER BY room DESC, id DESC :own_limit
) m
 ORDER BY m.room DESC, m.id DESC
 LIMIT $3;

PREPARE "messages.one" AS
SELECT m.id, (SELECT session_id FROM users WHERE id = m.author), m.posted, m.edited,
       m.seqno_creation, m.seqno_data, m.seqno_reactions,
 (SELECT session_id FROM users WHERE id = m.whisper_to),
       m.whisper_mods, m.key_id, m.body, m.room, m.state, m.mac
  FROM messages m
 WHERE m.room = $1 AND m.id = $2 AND m.state = :MESSAGE_VISIBLE AND m.body IS NOT NULL;

PREPARE "messages.by_ids" AS
SELECT m.id, (SELECT session_id FROM users WHERE id = m.author), m.posted, m.edited,
       m.seqno_creation, m.seqno_data, m.seqno_reactions,
 (SELECT session_id FROM users WHERE id = m.whisper_to),
       m.whisper_mods, m.key_id, m.body, m.room, m.state, m.mac
  FROM unnest($1::bigint[]) WITH ORDINALITY AS t (id, ordinal)
  JOIN messages m ON m.id = t.id
 ORDER BY ordinal;
