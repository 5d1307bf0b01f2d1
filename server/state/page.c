/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cutting pages of `since`. A message has up to two events: its data at seqno_data and, when that
 * is later, its reactions at seqno_reactions. A row carries the later number only if the page
 * reaches that far. A reader keeps the highest number that he received, so a number past the end of
 * the page would make him skip what lies between (docs/protocol/community.md, 3.3 as written does
 * so).
 */
#include "state/page.h"

#include <assert.h>

void page_begin(struct page *page, int64_t since, int64_t limit, bool t_r, size_t max_bytes)
{
    page->since = since;
    page->limit = limit < 1 ? 1 : (limit > PAGE_ROWS_MAX ? PAGE_ROWS_MAX : (size_t)limit);
    page->t_r = t_r;
    page->max_bytes = max_bytes;
    page->bytes = 0;
    page->end = INT64_MAX;
    page->full = false;
    page->count = 0;
}

int64_t page_first_event(const struct page *page, const struct message_row *message)
{
    if (message->deleted && message->seqno_creation > page->since)
        return 0;
    if (message->seqno_data > page->since)
        return message->seqno_data;
    /* Reactions go with their message: its tombstone tells of both. */
    if (page->t_r && !message->deleted && message->seqno_reactions > page->since)
        return message->seqno_reactions;
    return 0;
}

bool page_offer(struct page *page, const struct message_row *message, struct span fragment,
                size_t bytes)
{
    int64_t first = page_first_event(page, message);
    if (page->full)
        return false;
    if (first == 0)
        return true;
    bool fits = page->count == 0 || page->bytes + bytes <= page->max_bytes;
    if (page->count == page->limit || !fits) {
        page->full = true;
        page->end = first - 1;
        return false;
    }
    page->rows[page->count] = (struct page_row){
        .message = message,
        .fragment = fragment,
        .reactions_only = message->seqno_data <= page->since,
    };
    page->count++;
    page->bytes += bytes;
    return true;
}

static int64_t number_of(const struct page *page, const struct page_row *row)
{
    int64_t data = row->message->seqno_data;
    int64_t reactions = row->message->seqno_reactions;
    if (row->reactions_only || (reactions > data && reactions <= page->end))
        return reactions;
    return data;
}

/* Offers come nearly in order already: only rows that took the number of their reactions move. */
static void sort_rows(struct page *page)
{
    for (size_t i = 1; i < page->count; i++) {
        struct page_row row = page->rows[i];
        size_t at = i;
        for (; at > 0 && page->rows[at - 1].seqno > row.seqno; at--)
            page->rows[at] = page->rows[at - 1];
        page->rows[at] = row;
    }
}

void page_finish(struct page *page, int64_t complete_to)
{
    if (complete_to < page->end)
        page->end = complete_to;
    for (size_t i = 0; i < page->count; i++) {
        page->rows[i].seqno = number_of(page, &page->rows[i]);
        assert(page->rows[i].seqno > page->since);
    }
    sort_rows(page);
}
