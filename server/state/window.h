/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two windows of one room (docs/design.md, D3) over one set of messages: changes  every event
 * above changes_low, in order of its number, tombstones included: for `since` recent   every live
 * message with an id above recent_low: for `recent`, `before` and single messages
 *
 * event numbers   0 ......... changes_low | complete ......... newest message ids     0 .........
 * recent_low  | complete ......... newest
 *
 * A data structure and nothing else: no locks (the room's lock guards it), no SQL.
 */
#ifndef CONCLAVE_STATE_WINDOW_H
#define CONCLAVE_STATE_WINDOW_H

#include "store/messages.h"

/* One block of memory: reactions and their people lie behind the fragment. */
struct window_message {
    struct message_row row; /* data and signature are empty: the fragment has them */
    size_t bytes;           /* of the block */
    size_t fragment_len;
    uint8_t fragment[]; /* render_fragment */
};

struct window_event {
    int64_t seqno;
    struct window_message *message; /* owned through by_id */
};

struct window {
    struct window_message **by_id; /* all that is held, ascending id; owned */
    size_t count, capacity;
    struct window_event *events; /* ascending seqno, all above changes_low */
    size_t event_count, event_capacity;
    int64_t changes_low;
    int64_t recent_low; /* INT64_MAX: nothing is known of what is live */
    size_t bytes;       /* what all of this takes */
};

/* Knows that nothing happened after `sequence`, and nothing else. */
void window_init(struct window *w, int64_t sequence);
void window_done(struct window *w);
/* Back to window_init; frees what it held. */
void window_reset(struct window *w, int64_t sequence);

/*
 * Renders one message outside of any lock. Free with window_message_free, or give to window_take.
 */
MUST_USE enum err window_message_new(const struct message_row *row,
                                     struct window_message **ret_message);
void window_message_free(struct window_message *m);
static inline struct span window_fragment(const struct window_message *m)
{
    return (struct span){m->fragment, m->fragment_len};
}

/*
 * Takes m in, in the place of an older state of the same message; frees it when the window holds a
 * newer one or has no use for it. ERR_NO_MEMORY: m is freed and the window may no longer be
 * complete: window_reset it.
 */
MUST_USE enum err window_take(struct window *w, struct window_message *m);
/*
 * Extends completeness downwards: the caller takes in all that lies between right afterwards. Marks
 * never rise by this.
 */
void window_lower(struct window *w, int64_t changes_low, int64_t recent_low);

/*
 * Drops the oldest event or the oldest live message, whichever window is longer. False: nothing is
 * left.
 */
bool window_drop_oldest(struct window *w);
/* Drops the oldest until at most this much is left. */
void window_trim(struct window *w, size_t max_messages, size_t max_bytes);

/* Index of the first event with a number above since; event_count when there is none. */
size_t window_first_after(const struct window *w, int64_t since);
/* How many messages held have an id below `before`: by_id[n - 1] is the newest of them. */
size_t window_below(const struct window *w, int64_t before);
/* NULL: not held. */
const struct window_message *window_find(const struct window *w, int64_t id);

#endif
