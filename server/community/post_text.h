/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words in a post: what filters look at. A post is the protobuf Content of the apps, of which
 * two texts matter, or an Envelope around one; whatever else is in it is passed over. Stateless;
 * any thread.
 */
#ifndef CONCLAVE_COMMUNITY_POST_TEXT_H
#define CONCLAVE_COMMUNITY_POST_TEXT_H

#include <stdbool.h>

#include "base/buf.h"

/* Bytes of the post; not necessarily UTF-8. Empty when absent. */
struct post_text {
    struct span body; /* dataMessage.body */
    struct span name; /* dataMessage.profile.displayName */
};

/*
 * content: a Content without its padding. False: no such protobuf. Where a field stands more than
 * once, the last one counts, as it does for the apps.
 */
MUST_USE bool post_text_read(struct span content, struct post_text *ret_text);

enum { POST_TEXT_READINGS_MAX = 2 };
/*
 * data: a post as it was sent. What apps may show of it: those of today read an Envelope where
 * there is one and a Content otherwise, older ones always a Content, and the same bytes can be
 * both. At least one reading. False: neither, or an Envelope around something else; no app of today
 * shows anything of it.
 */
MUST_USE bool post_text_readings(struct span data,
                                 struct post_text ret_texts[static POST_TEXT_READINGS_MAX],
                                 size_t *ret_count);
/*
 * Whether it carries its author's time (sigTimestamp): then two posts with the same bytes are one,
 * sent twice. data: a Content, or an Envelope around one, as it was posted.
 */
bool post_text_is_timed(struct span data);
/* Appends a Content that shows this text, timestamp and name. */
void post_text_write(struct buf *out, const struct post_text *text, int64_t timestamp_ms);

#endif
