-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/reactions.c.

-- $2 of each reaction at least, and $3 shared among those of a message; $4 the reader.
PREPARE "reactions.of" AS
SELECT r.message, r.key_id, r.text, r.users, kept.ids,
       EXISTS (SELECT 1
                 FROM user_reactions ur
                 JOIN users u ON u.id = ur.user_id
                WHERE ur.reaction = r.id AND u.session_id = $4::bytea)
  FROM (SELECT id, message, key_id, text, users,
               greatest($2::bigint, $3::bigint / count(*) OVER (PARTITION BY message)) AS share
          FROM reactions
         WHERE message = ANY($1::bigint[])) r
 CROSS JOIN LATERAL (SELECT string_agg(k.session_id, ''::bytea ORDER BY k.seqno) AS ids
                       FROM (SELECT (SELECT session_id FROM users WHERE id = ur.user_id)
                                    AS session_id, ur.seqno
                               FROM user_reactions ur
                              WHERE ur.reaction = r.id
                              ORDER BY ur.seqno
                              LIMIT r.share) k) kept
 ORDER BY r.message, r.id;

PREPARE "reactions.texts" AS
SELECT id, message, key_id, text, users
  FROM reactions
 WHERE message = ANY($1::bigint[])
 ORDER BY message, id;

PREPARE "reactions.regular" AS
SELECT id
  FROM messages
 WHERE room = $1 AND id = $2 AND state = :MESSAGE_VISIBLE AND body IS NOT NULL
   AND whisper_to IS NULL AND NOT whisper_mods;

PREPARE "reactions.reactors" AS
SELECT (SELECT session_id FROM users WHERE id = ur.user_id), ur.at
  FROM user_reactions ur
 WHERE ur.reaction = $1
 ORDER BY ur.seqno
 LIMIT $2;
