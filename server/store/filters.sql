-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/filters.c.

PREPARE "filters.list" AS
SELECT coalesce(room, 0), alphabets, alphabet_silent, profanity, profanity_silent, moderators
  FROM filters
 WHERE coalesce(room, 0) IN (0, $1)
 ORDER BY 1;

PREPARE "filters.replies" AS
SELECT coalesce(room, 0), type, texts, name, public
  FROM filter_replies
 WHERE coalesce(room, 0) IN (0, $1)
 ORDER BY 1, 2;

PREPARE "filters.remove" AS
DELETE FROM filters
 WHERE coalesce(room, 0) = $1;

PREPARE "filters.add" AS
INSERT INTO filters
       (room, alphabets, alphabet_silent, profanity, profanity_silent, moderators)
VALUES ($1, $2, $3, $4, $5, $6);

PREPARE "filters.remove_reply" AS
DELETE FROM filter_replies
 WHERE coalesce(room, 0) = $1 AND type = $2;

PREPARE "filters.add_reply" AS
INSERT INTO filter_replies (room, type, texts, name, public)
VALUES ($1, $2, $3, $4, $5);

PREPARE "filters.tell_all" AS
UPDATE versions
   SET value = value + 1
 WHERE scope = 3;
