/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Direct messages of a community's member, as the apps send and read them
 * (docs/protocol/community.md, 2.12 and 6.1).
 */
#ifndef CONCLAVE_TESTS_CLIENT_COMMUNITY_DMS_H
#define CONCLAVE_TESTS_CLIENT_COMMUNITY_DMS_H

#include "client/community_client.h"

/* One row of an inbox or outbox, opened. */
struct direct_message {
    int64_t id;
    double posted_at, expires_at;
    struct session_id sender, recipient; /* blinded */
    struct session_id author;            /* the sender's Session id, proved */
    struct buf data;                     /* padded content */
    struct span text;                    /* inside data */
};
/*
 * ERR_MALFORMED: not such a row. ERR_SEALED: does not open for this member. Release with
 * direct_message_done.
 */
MUST_USE enum err direct_message_read(const struct community *c, const json_t *row,
                                      struct direct_message *ret_message);
void direct_message_done(struct direct_message *m);
#define AUTO_DIRECT_MESSAGE CLEANUP(direct_message_done)

/* The JSON of a message of this text to a blinded id. NULL when it cannot be made. */
json_t *community_dm_body(const struct community *c, const struct session_id *to, const char *text);
/* POST /inbox/TO. ret_sent: the server's answer, {id, posted_at, expires_at, sender, recipient}. */
MUST_USE enum err community_dm(struct community *c, const struct session_id *to, const char *text,
                               json_t **ret_sent);

enum mail_box { MAIL_INBOX, MAIL_OUTBOX };
/* since 0: without "since", as a client that has none yet. An empty array for 304. */
MUST_USE enum err community_mail(struct community *c, enum mail_box box, int64_t since,
                                 json_t **ret_rows);
/* DELETE /inbox. */
MUST_USE enum err community_clear_inbox(struct community *c, int64_t *ret_deleted);

#endif
