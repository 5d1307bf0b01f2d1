-- SPDX-License-Identifier: GPL-3.0-or-later
-- Statements of store/user_purge.c.

PREPARE "users.purge" AS
WITH slice AS MATERIALIZED (
    SELECT id
      FROM users
     WHERE id > $1
     ORDER BY id
     LIMIT $2),
unused AS MATERIALIZED (
    SELECT u.id
      FROM users u
      JOIN slice USING (id)
     WHERE NOT u.banned AND NOT u.moderator
       AND (u.last_active_hour < $4
            OR (u.last_active_hour < $3 AND u.last_active_hour <= u.created_hour))
       AND NOT EXISTS (SELECT FROM room_users x
                        WHERE x.user_id = u.id AND x.last_active_hour >= $3)
       AND NOT EXISTS (SELECT FROM permissions x WHERE x.user_id = u.id)
       AND NOT EXISTS (SELECT FROM permission_futures x WHERE x.user_id = u.id)
       AND NOT EXISTS (SELECT FROM ban_futures x WHERE x.user_id = u.id)
       AND NOT EXISTS (SELECT FROM needs_blinding x WHERE x.user_id = u.id)
       AND NOT EXISTS (SELECT FROM messages x WHERE x.author = u.id)
       AND NOT EXISTS (SELECT FROM messages x WHERE x.whisper_to = u.id)
       AND NOT EXISTS (SELECT FROM user_reactions x WHERE x.user_id = u.id)
       AND NOT EXISTS (SELECT FROM pins x WHERE x.pinned_by = u.id)
       AND NOT EXISTS (SELECT FROM files x WHERE x.uploader = u.id)
       AND NOT EXISTS (SELECT FROM direct_messages x
                        WHERE x.sender = u.id OR x.recipient = u.id)
       FOR UPDATE OF u SKIP LOCKED),
gone AS (
    DELETE FROM users
     USING unused
     WHERE users.id = unused.id
    RETURNING users.id)
SELECT coalesce((SELECT max(id) FROM slice), 0),
       (SELECT count(*) FROM slice),
       (SELECT count(*) FROM gone);

PREPARE "pending.purge" AS
WITH gone AS (
    DELETE FROM needs_blinding n
     USING users u
     WHERE u.id = n.user_id AND NOT u.banned AND NOT u.moderator
       AND u.last_active_hour < $1
       AND NOT EXISTS (SELECT FROM permissions x WHERE x.user_id = u.id)
       AND NOT EXISTS (SELECT FROM permission_futures x WHERE x.user_id = u.id)
       AND NOT EXISTS (SELECT FROM ban_futures x WHERE x.user_id = u.id)
    RETURNING n.user_id)
SELECT count(*) FROM gone;
