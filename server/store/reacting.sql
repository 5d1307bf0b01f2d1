-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/reacting.c.

PREPARE "reacting.totals" AS
SELECT coalesce((SELECT sum(r.users)
                   FROM reactions r
                  WHERE r.message = t.message), 0)::bigint
  FROM unnest($1::bigint[]) WITH ORDINALITY AS t (message, ordinal)
 ORDER BY ordinal;

PREPARE "reacting.held" AS
SELECT ur.reaction, ur.user_id
  FROM (SELECT DISTINCT message, user_id
          FROM unnest($1::bigint[], $2::bigint[]) AS t (message, user_id)) t
  JOIN reactions r ON r.message = t.message
  JOIN user_reactions ur ON ur.reaction = r.id AND ur.user_id = t.user_id;

PREPARE "reacting.remove" AS
DELETE FROM reactions
 WHERE id = ANY($1::bigint[]) OR message = ANY($2::bigint[]);

PREPARE "reacting.insert" AS
INSERT INTO reactions (message, key_id, text, users)
SELECT message, key_id, text, users
  FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bigint[])
       WITH ORDINALITY AS t (message, key_id, text, users, ordinal)
 ORDER BY ordinal
 RETURNING id;

PREPARE "reacting.users" AS
UPDATE reactions r
   SET users = t.users
  FROM unnest($1::bigint[], $2::bigint[]) AS t (id, users)
 WHERE r.id = t.id;

PREPARE "reacting.take_back" AS
DELETE FROM user_reactions ur
 USING unnest($1::bigint[], $2::bigint[]) AS t (reaction, user_id)
 WHERE ur.reaction = t.reaction AND ur.user_id = t.user_id;

PREPARE "reacting.give" AS
INSERT INTO user_reactions (reaction, user_id, seqno, at)
SELECT reaction, user_id, seqno, at
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::float8[])
       AS t (reaction, user_id, seqno, at);
