/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * [web] invite_page: a join link that is opened in a browser shows what it is for. The page is made
 * of the link alone: the database is not asked, and a room that does not exist has the same one.
 * Inside http/ only; any thread.
 */
#ifndef CONCLAVE_HTTP_INVITE_H
#define CONCLAVE_HTTP_INVITE_H

#include <stdbool.h>

#include "base/span.h"

struct MHD_Connection;
struct invite;

/* public_url: lives longer. key_hex: of the server, 64 digits. ERR_NO_MEMORY. */
MUST_USE enum err invite_new(const char *public_url, struct span key_hex,
                             struct invite **ret_invite);
void invite_free(struct invite *invite);
/*
 * Is the request target, as it was sent, exactly `/<token>?public_key=<our key>`? No escapes,
 * nothing before or behind.
 */
bool invite_is_asked(const struct invite *invite, const char *target);
/* Queues the page, for GET and HEAD. token: of a target that is_asked. MHD_YES or MHD_NO. */
MUST_USE int invite_queue(const struct invite *invite, struct MHD_Connection *connection,
                          const char *token);

#endif
