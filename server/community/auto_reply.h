/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the server answers, in its own name, to a post that a filter swallowed
 * (docs/protocol/community.md, 4.5).
 */
#ifndef CONCLAVE_COMMUNITY_AUTO_REPLY_H
#define CONCLAVE_COMMUNITY_AUTO_REPLY_H

#include "community/post_text.h"
#include "router/call.h"
#include "state/filters.h"
#include "writer/writer.h"

/* What the substitutions of a text stand for. */
struct auto_reply_words {
    struct span poster;      /* \@ after an @; \p when there is no name */
    struct span poster_name; /* \p; empty: none */
    struct span room_name, room_token;
};
/* Appends text with \@ \p \r \t \n \\ replaced; other backslashes stay. */
void auto_reply_expand(struct span text, const struct auto_reply_words *words, struct buf *out);

/*
 * The answer to a hit of that type: a whisper to the caller, or a post for everybody, signed, in
 * the call's arena. poster_name: as the post says, any bytes. ERR_MISSING: no answer is wanted.
 * ERR_NO_MEMORY, ERR_TOO_LARGE.
 */
MUST_USE enum err auto_reply_make(struct call *call, const struct filters *filters,
                                  enum filter_type hit, struct span poster_name,
                                  struct post_in *ret_post, struct session_id *ret_author);

#endif
