/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Message lists for readers: from the windows when these suffice, else by SQL. Every list is
 * decided first and written then, so that a reader who must be sent to a worker has not written
 * anything.
 */
#include "base/clock.h"
#include "router/json_out.h"
#include "state/page.h"
#include "state/picture.h"
#include "state/render.h"

enum {
    LIST_ROWS_MAX = PAGE_ROWS_MAX,
    LIST_CHUNK = 64, /* messages per statement */
    LIST_ARENA_BYTES = 64 * 1024 * 1024,
    LIST_ATTEMPTS = 3,
    /* No message is shorter: with less space left in a batch's reply, the database is not asked. */
    LIST_LEAST_BYTES = 256,
};

/* What the windows can do for a reader. */
enum answer {
    ANSWERED,
    NEEDS_REFILL, /* stale: commits are known that are not in memory */
    NEEDS_DEPTH,  /* the windows were not filled downwards yet */
    NEEDS_SQL,    /* it lies behind the windows */
};

/* One question to one room: asked of memory first, of the database when memory says so. */
struct question {
    struct room *room;
    const struct reader_view *view;
    int64_t since; /* write_since */
    bool t_r;
    int64_t before; /* write_before */
    int64_t id;     /* write_one */
    int64_t up_to;  /* set by memory: the room's counter */
    int64_t target; /* what was known to be committed when it was asked; set by ask */
    struct buf *out;
};

struct source {
    enum answer (*memory)(struct question *q); /* with the room's lock held */
    enum err (*sql)(struct question *q, struct db *db, struct arena *mem);
};

/* What a list may take: of its own, and of a batch's reply. */
static size_t space_of(const struct question *q)
{
    size_t left = q->out->max - q->out->len;
    return left < STATE_LIST_MAX_BYTES ? left : STATE_LIST_MAX_BYTES;
}

/* With the lock held: what to do when the windows do not reach. */
static enum answer behind(const struct room *room)
{
    return room->deep ? NEEDS_SQL : NEEDS_DEPTH;
}

static enum answer ask_memory(const struct source *source, struct question *q)
{
    struct room *room = q->room;
    enum answer answer = NEEDS_REFILL;
    (void)pthread_mutex_lock(&room->lock);
    room->used_mono_ms = clock_mono_ms();
    q->up_to = room->sequence;
    if (q->target < 0)
        q->target = room->target;
    if (q->target <= room->sequence)
        answer = source->memory(q);
    (void)pthread_mutex_unlock(&room->lock);
    return answer;
}

static enum err ask(const struct source *source, struct question *q, struct db *db)
{
    q->target = -1;
    for (int attempt = 0; attempt < LIST_ATTEMPTS; attempt++) {
        enum answer answer = ask_memory(source, q);
        if (answer == ANSWERED)
            return buf_verdict(q->out);
        if (space_of(q) < LIST_LEAST_BYTES)
            return ERR_TOO_LARGE;
        if (db == NULL)
            return ERR_RETRY;
        if (answer == NEEDS_SQL)
            break;
        enum err e = fill_room(q->room, db, answer == NEEDS_DEPTH);
        if (e != OK)
            return e;
    }
    AUTO_ARENA struct arena *mem = arena_new(LIST_ARENA_BYTES);
    if (mem == NULL)
        return ERR_NO_MEMORY;
    enum err e = source->sql(q, db, mem);
    return e != OK ? e : buf_verdict(q->out);
}

static bool sees(const struct message_row *row, const void *view)
{
    return render_sees(row, view);
}

static struct message_reader reader_of(const struct reader_view *view)
{
    return (struct message_reader){.caller = view->who->known ? &view->who->id : NULL,
                                   .reactors = view->reactors,
                                   .sees = sees,
                                   .sees_arg = view};
}

/* ---- since ---- */

static void write_page(const struct page *page, const struct reader_view *view, struct buf *out)
{
    json_out_open(out, '[');
    for (size_t i = 0; i < page->count; i++) {
        const struct page_row *row = &page->rows[i];
        if (row->reactions_only)
            render_reactions_only(row->message, row->seqno, view, out);
        else
            render_full(row->message, row->fragment, row->seqno, view, out);
    }
    json_out_close(out, ']');
}

/* The fragment stands for data and signature, which rows of memory do not have. */
static size_t row_bytes_at_most(const struct window_message *m, const struct reader_view *view)
{
    return render_size(&m->row, view) + m->fragment_len;
}

static enum answer since_memory(struct question *q)
{
    const struct window *w = &q->room->window;
    if (q->since < w->changes_low && q->since < q->room->sequence)
        return behind(q->room);
    if (window_first_after(w, q->since) == w->event_count) {
        /*
         * Nearly every poll. Before the page is declared: clearing its 10 KB is some 2 % of an idle
         * poll.
         */
        json_out_open(q->out, '[');
        json_out_close(q->out, ']');
        return ANSWERED;
    }
    struct page page;
    page_begin(&page, q->since, q->view->limit, q->t_r, space_of(q));
    for (size_t i = window_first_after(w, q->since); i < w->event_count; i++) {
        const struct window_message *m = w->events[i].message;
        /* The other events of a message are told with its first. */
        if (page_first_event(&page, &m->row) != w->events[i].seqno ||
            !render_sees(&m->row, q->view))
            continue;
        if (!page_offer(&page, &m->row, window_fragment(m), row_bytes_at_most(m, q->view)))
            break;
    }
    for (size_t i = 0; i < page.count; i++)
        if (!render_knows_you(page.rows[i].message, q->view))
            return NEEDS_SQL;
    page_finish(&page, q->room->sequence);
    write_page(&page, q->view, q->out);
    return ANSWERED;
}

/* Offers one chunk of events above `after`. */
static void offer_rows(const struct question *q, struct page *page, const struct message_row *rows,
                       size_t count, int64_t after)
{
    for (size_t i = 0; i < count; i++) {
        /*
         * In a later chunk a message comes again for its reactions; it was offered with its data.
         */
        if (page_first_event(page, &rows[i]) <= after || !render_sees(&rows[i], q->view))
            continue;
        if (!page_offer(page, &rows[i], (struct span){NULL, 0}, render_size(&rows[i], q->view)))
            return;
    }
}

/*
 * The first chunk takes one more than the page, so that the page ends right before what it has no
 * place for.
 */
static int64_t chunk_of(const struct page *page, bool first)
{
    return first && page->limit < LIST_CHUNK ? (int64_t)page->limit + 1 : LIST_CHUNK;
}

static enum err since_sql(struct question *q, struct db *db, struct arena *mem)
{
    struct page page;
    int64_t cursor = q->since;
    const struct message_reader reader = reader_of(q->view);
    page_begin(&page, q->since, q->view->limit, q->t_r, space_of(q));
    while (cursor < q->up_to && !page.full) {
        if (page.count == 0)
            arena_reset(mem); /* nothing of it is shown: whispers of others may be many */
        const struct message_query query = {
            .room = q->room->id,
            .since = cursor,
            .up_to = q->up_to,
            .limit = chunk_of(&page, cursor == q->since),
            .reactions = q->t_r,
            .known_to = q->since,
            .reader = &reader,
        };
        struct message_row *rows = NULL;
        size_t count = 0;
        int64_t complete_to = cursor;
        enum err e =
            messages_events(db, q->room->state->ring, mem, &query, &rows, &count, &complete_to);
        if (e != OK)
            return e;
        offer_rows(q, &page, rows, count, cursor);
        cursor = complete_to;
    }
    page_finish(&page, cursor);
    write_page(&page, q->view, q->out);
    return OK;
}

enum err state_write_since(struct state *state UNUSED, struct db *db, struct room *room,
                           const struct reader_view *view, int64_t since, bool t_r, struct buf *out)
{
    static const struct source source = {since_memory, since_sql};
    struct question q = {.room = room, .view = view, .since = since, .t_r = t_r, .out = out};
    enum err e = ask(&source, &q, db);
    if (since > q.target && q.target >= 0)
        claims_note(room, view->who, since);
    return e;
}

/* ---- recent and before ---- */

static enum answer before_memory(struct question *q)
{
    const struct window *w = &q->room->window;
    const struct window_message *found[LIST_ROWS_MAX];
    size_t limit = q->view->limit > LIST_ROWS_MAX ? LIST_ROWS_MAX : (size_t)q->view->limit;
    size_t count = 0;
    size_t bytes = 0;
    size_t space = space_of(q);
    size_t at = window_below(w, q->before);
    for (; at > 0 && count < limit && w->by_id[at - 1]->row.id > w->recent_low; at--) {
        const struct window_message *m = w->by_id[at - 1];
        if (m->row.deleted || !render_sees(&m->row, q->view))
            continue;
        if (!render_knows_you(&m->row, q->view))
            return NEEDS_SQL;
        bytes += row_bytes_at_most(m, q->view);
        if (count > 0 && bytes > space)
            limit = count;
        else
            found[count++] = m;
    }
    if (count < limit && w->recent_low > 0)
        return behind(q->room);
    json_out_open(q->out, '[');
    for (size_t i = 0; i < count; i++)
        render_full(&found[i]->row, window_fragment(found[i]), render_seqno(&found[i]->row),
                    q->view, q->out);
    json_out_close(q->out, ']');
    return ANSWERED;
}

/* What before_sql has written so far. */
struct written {
    size_t start; /* in the reply */
    size_t space;
    size_t count;
};

/* Writes what the reader sees of one chunk. False: enough bytes. */
static bool write_rows(const struct question *q, const struct message_row *rows, size_t count,
                       struct written *written)
{
    for (size_t i = 0; i < count && written->count < (size_t)q->view->limit; i++) {
        if (!render_sees(&rows[i], q->view))
            continue;
        size_t bytes = q->out->len - written->start + render_size(&rows[i], q->view);
        if (written->count > 0 && bytes > written->space)
            return false;
        render_full(&rows[i], (struct span){NULL, 0}, render_seqno(&rows[i]), q->view, q->out);
        written->count++;
        if (q->out->failed)
            return false;
    }
    return true;
}

static enum err before_sql(struct question *q, struct db *db, struct arena *mem)
{
    const struct message_reader reader = reader_of(q->view);
    struct message_range range = {.room = q->room->id, .before = q->before, .reader = &reader};
    size_t limit = (size_t)q->view->limit;
    struct written written = {.start = q->out->len, .space = space_of(q)};
    json_out_open(q->out, '[');
    while (written.count < limit) {
        struct message_row *rows = NULL;
        size_t count = 0;
        size_t left = limit - written.count;
        size_t wanted = left < LIST_CHUNK ? left : LIST_CHUNK;
        arena_reset(mem);
        range.limit = (int64_t)wanted;
        enum err e = messages_before(db, q->room->state->ring, mem, &range, &rows, &count);
        if (e != OK)
            return e;
        if (!write_rows(q, rows, count, &written) || count < wanted)
            break;
        range.before = rows[count - 1].id;
    }
    json_out_close(q->out, ']');
    return OK;
}

enum err state_write_before(struct state *state UNUSED, struct db *db, struct room *room,
                            const struct reader_view *view, int64_t before, struct buf *out)
{
    static const struct source source = {before_memory, before_sql};
    struct question q = {.room = room, .view = view, .before = before, .out = out};
    return ask(&source, &q, db);
}

enum err state_write_recent(struct state *state, struct db *db, struct room *room,
                            const struct reader_view *view, struct buf *out)
{
    return state_write_before(state, db, room, view, INT64_MAX, out);
}

/* ---- one ---- */

/* ERR_MISSING is an answer too: it is given by writing nothing. */
static enum answer one_memory(struct question *q)
{
    const struct window *w = &q->room->window;
    const struct window_message *m = window_find(w, q->id);
    if (m == NULL && q->id <= w->recent_low)
        return behind(q->room);
    if (m == NULL || m->row.deleted || !render_sees(&m->row, q->view))
        return ANSWERED;
    if (!render_knows_you(&m->row, q->view))
        return NEEDS_SQL;
    render_full(&m->row, window_fragment(m), render_seqno(&m->row), q->view, q->out);
    return ANSWERED;
}

static enum err one_sql(struct question *q, struct db *db, struct arena *mem)
{
    struct message_row row;
    const struct message_reader reader = reader_of(q->view);
    enum err e = messages_one(db, q->room->state->ring, mem, q->room->id, q->id, &reader, &row);
    if (e == OK && render_sees(&row, q->view))
        render_full(&row, (struct span){NULL, 0}, render_seqno(&row), q->view, q->out);
    return e;
}

enum err state_write_one(struct state *state UNUSED, struct db *db, struct room *room,
                         const struct reader_view *view, int64_t id, struct buf *out)
{
    static const struct source source = {one_memory, one_sql};
    struct question q = {.room = room, .view = view, .id = id, .out = out};
    size_t start = out->len;
    enum err e = ask(&source, &q, db);
    return e == OK && out->len == start ? ERR_MISSING : e;
}
