/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two sorted arrays over one set of messages. A room's windows hold about a thousand messages and
 * new ones go to the end, so arrays beat trees: a poll is one binary search and a walk.
 */
#include "state/window.h"

#include "base/buf.h"
#include "base/mem.h"
#include "state/render.h"

/* What the allocator adds to a block, about. */
enum { BLOCK_OVERHEAD_BYTES = 16, FIRST_CAPACITY = 16 };

static size_t message_bytes(const struct window_message *m)
{
    return m->bytes + BLOCK_OVERHEAD_BYTES;
}

void window_init(struct window *w, int64_t sequence)
{
    *w = (struct window){.changes_low = sequence, .recent_low = INT64_MAX};
}

void window_done(struct window *w)
{
    for (size_t i = 0; i < w->count; i++)
        mem_free(w->by_id[i]);
    mem_free(w->by_id);
    mem_free(w->events);
    window_init(w, 0);
}

void window_reset(struct window *w, int64_t sequence)
{
    window_done(w);
    window_init(w, sequence);
}

/* How the block of a message is laid out: offsets of its parts, and its size. */
struct layout {
    size_t reactions, reactors, texts, bytes;
};

static struct layout layout_of(const struct message_row *row, size_t fragment_len)
{
    const size_t align = _Alignof(max_align_t);
    struct layout l;
    size_t ids = 0, text_bytes = 0;
    for (size_t i = 0; i < row->reaction_count; i++) {
        ids += row->reactions[i].kept;
        text_bytes += row->reactions[i].text.len;
    }
    l.reactions = (sizeof(struct window_message) + fragment_len + align - 1) / align * align;
    l.reactors = l.reactions + row->reaction_count * sizeof(struct reaction_row);
    l.texts = l.reactors + ids * sizeof(struct session_id);
    l.bytes = l.texts + text_bytes;
    return l;
}

static void copy_reactions(struct window_message *m, const struct message_row *row,
                           const struct layout *l)
{
    uint8_t *block = (uint8_t *)m;
    struct reaction_row *reactions = (void *)(block + l->reactions);
    struct session_id *reactors = (void *)(block + l->reactors);
    uint8_t *texts = block + l->texts;
    for (size_t i = 0; i < row->reaction_count; i++) {
        const struct reaction_row *r = &row->reactions[i];
        reactions[i] = *r;
        reactions[i].reactors = reactors;
        reactions[i].text = span_of(texts, r->text.len);
        if (r->kept > 0)
            memcpy(reactors, r->reactors, r->kept * sizeof(*reactors));
        if (r->text.len > 0)
            memcpy(texts, r->text.p, r->text.len);
        reactors += r->kept;
        texts += r->text.len;
    }
    m->row.reactions = row->reaction_count > 0 ? reactions : NULL;
}

enum err window_message_new(const struct message_row *row, struct window_message **ret_message)
{
    AUTO_BUF struct buf text = buf_make(2 * render_fragment_size(row));
    render_fragment(row, &text);
    enum err e = buf_verdict(&text);
    if (e != OK)
        return e;
    struct layout layout = layout_of(row, text.len);
    struct window_message *m = mem_alloc(layout.bytes);
    if (m == NULL)
        return ERR_NO_MEMORY;
    m->row = *row;
    m->row.data = (struct span){NULL, 0};
    m->row.signature = (struct span){NULL, 0};
    m->bytes = layout.bytes;
    m->fragment_len = text.len;
    memcpy(m->fragment, text.p, text.len);
    copy_reactions(m, row, &layout);
    *ret_message = m;
    return OK;
}

void window_message_free(struct window_message *m)
{
    mem_free(m);
}

size_t window_first_after(const struct window *w, int64_t since)
{
    size_t low = 0;
    size_t high = w->event_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->events[middle].seqno > since)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

size_t window_below(const struct window *w, int64_t before)
{
    size_t low = 0;
    size_t high = w->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->by_id[middle]->row.id < before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct window_message *window_find(const struct window *w, int64_t id)
{
    size_t at = window_below(w, id);
    return at < w->count && w->by_id[at]->row.id == id ? w->by_id[at] : NULL;
}

/* Room for one more of `size` bytes each. */
static bool grow(struct window *w, void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;
    void *bigger = mem_realloc(*items, wanted * size);
    if (bigger == NULL)
        return false;
    w->bytes += (wanted - *capacity) * size;
    *items = bigger;
    *capacity = wanted;
    return true;
}

static bool insert_event(struct window *w, int64_t seqno, struct window_message *m)
{
    if (seqno <= w->changes_low)
        return true;
    void *items = w->events;
    if (!grow(w, &items, w->event_count, &w->event_capacity, sizeof(*w->events)))
        return false;
    w->events = items;
    size_t at = window_first_after(w, seqno);
    memmove(w->events + at + 1, w->events + at, (w->event_count - at) * sizeof(*w->events));
    w->events[at] = (struct window_event){.seqno = seqno, .message = m};
    w->event_count++;
    return true;
}

static void remove_event(struct window *w, int64_t seqno)
{
    size_t after = window_first_after(w, seqno);
    if (after == 0 || w->events[after - 1].seqno != seqno)
        return;
    memmove(w->events + after - 1, w->events + after,
            (w->event_count - after) * sizeof(*w->events));
    w->event_count--;
}

static bool has_reactions_event(const struct message_row *row)
{
    return row->seqno_reactions > row->seqno_data;
}

static bool is_useful(const struct window *w, const struct message_row *row)
{
    return render_seqno(row) > w->changes_low || (!row->deleted && row->id > w->recent_low);
}

static void remove_message(struct window *w, size_t at)
{
    struct window_message *m = w->by_id[at];
    remove_event(w, m->row.seqno_data);
    if (has_reactions_event(&m->row))
        remove_event(w, m->row.seqno_reactions);
    memmove(w->by_id + at, w->by_id + at + 1,
            (w->count - at - 1) * sizeof(struct window_message *));
    w->count--;
    w->bytes -= message_bytes(m);
    mem_free(m);
}

static bool insert_message(struct window *w, struct window_message *m)
{
    void *items = w->by_id;
    if (!grow(w, &items, w->count, &w->capacity, sizeof(struct window_message *)))
        return false;
    w->by_id = items;
    size_t at = window_below(w, m->row.id);
    memmove(w->by_id + at + 1, w->by_id + at, (w->count - at) * sizeof(struct window_message *));
    w->by_id[at] = m;
    w->count++;
    w->bytes += message_bytes(m);
    return insert_event(w, m->row.seqno_data, m) &&
           (!has_reactions_event(&m->row) || insert_event(w, m->row.seqno_reactions, m));
}

enum err window_take(struct window *w, struct window_message *m)
{
    size_t at = window_below(w, m->row.id);
    bool held = at < w->count && w->by_id[at]->row.id == m->row.id;
    /*
     * Of two pictures of one message the one with the higher number is the later; with equal ones
     * they are the same, but the window may have been lowered since and now wants events that it
     * did not note.
     */
    bool outdated = held && render_seqno(&w->by_id[at]->row) > render_seqno(&m->row);
    if (outdated || !is_useful(w, &m->row)) {
        if (held && !outdated)
            remove_message(w, at);
        mem_free(m);
        return OK;
    }
    if (held)
        remove_message(w, at);
    if (insert_message(w, m))
        return OK;
    if (window_find(w, m->row.id) == m)
        remove_message(w, window_below(w, m->row.id));
    else
        mem_free(m);
    return ERR_NO_MEMORY;
}

void window_lower(struct window *w, int64_t changes_low, int64_t recent_low)
{
    if (changes_low < w->changes_low)
        w->changes_low = changes_low;
    if (recent_low < w->recent_low)
        w->recent_low = recent_low;
}

/* Index of the first message that belongs to the recent window; count when there is none. */
static size_t first_recent(const struct window *w)
{
    return w->recent_low == INT64_MAX ? w->count : window_below(w, w->recent_low + 1);
}

static void drop_oldest_event(struct window *w)
{
    struct window_message *m = w->events[0].message;
    w->changes_low = w->events[0].seqno;
    if (!is_useful(w, &m->row)) {
        remove_message(w, window_below(w, m->row.id));
        return;
    }
    w->event_count--;
    memmove(w->events, w->events + 1, w->event_count * sizeof(*w->events));
}

static void drop_oldest_recent(struct window *w, size_t at)
{
    struct window_message *m = w->by_id[at];
    w->recent_low = m->row.id;
    if (!is_useful(w, &m->row))
        remove_message(w, at);
}

bool window_drop_oldest(struct window *w)
{
    size_t recent = first_recent(w);
    if (w->event_count == 0 && recent == w->count)
        return false;
    if (w->event_count > 0 && w->event_count >= w->count - recent)
        drop_oldest_event(w);
    else
        drop_oldest_recent(w, recent);
    return true;
}

void window_trim(struct window *w, size_t max_messages, size_t max_bytes)
{
    while ((w->count > max_messages || w->bytes > max_bytes) && window_drop_oldest(w))
        ;
}
