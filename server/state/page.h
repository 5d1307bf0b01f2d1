/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One page of `since` (docs/design.md, D17): which messages are in it, as what, and under which
 * number. Pure: no locks, no SQL.
 *
 * Offer the messages in the order of their first event after `since`; then finish with the number
 * up to which the offers were complete.
 */
#ifndef CONCLAVE_STATE_PAGE_H
#define CONCLAVE_STATE_PAGE_H

#include "store/messages.h"

enum { PAGE_ROWS_MAX = 256 };

struct page_row {
    const struct message_row *message;
    struct span fragment; /* {NULL, 0}: not rendered yet */
    bool reactions_only;
    int64_t seqno; /* to print; set by page_finish */
};

struct page {
    int64_t since;
    size_t limit;
    bool t_r;
    size_t max_bytes;

    size_t bytes;
    int64_t end; /* the page shows what happened up to here */
    bool full;
    size_t count;
    struct page_row rows[PAGE_ROWS_MAX];
};

/* limit is clamped to 1..PAGE_ROWS_MAX. */
void page_begin(struct page *page, int64_t since, int64_t limit, bool t_r, size_t max_bytes);
/*
 * The first number after since under which the reader hears of this message; 0: he does not (only
 * reactions and no t=r, or a tombstone of a message that he cannot know).
 */
int64_t page_first_event(const struct page *page, const struct message_row *message);
/*
 * bytes: what the row will take. False: the page is full and this message is not in it; offer no
 * more. message and fragment are borrowed until the rows have been written.
 */
bool page_offer(struct page *page, const struct message_row *message, struct span fragment,
                size_t bytes);
/*
 * Numbers the rows and puts them in ascending order. complete_to: every event up to there was
 * offered.
 */
void page_finish(struct page *page, int64_t complete_to);

#endif
