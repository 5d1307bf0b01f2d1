/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pages of `since` (docs/design.md, D17): exact cuts by a table, and a random walk in which readers
 * with every limit follow a model room by the highest number they received, as clients do, and must
 * end with the room's picture.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "state/page.h"

enum { ROOMY_BYTES = 1 << 30, ROW_BYTES = 100 };

/* ---- one page ---- */

struct expected_row {
    int64_t id, seqno;
    bool reactions_only;
};

struct cut {
    const char *name;
    struct message_row messages[6];
    int64_t since, limit;
    bool t_r;
    size_t max_bytes;
    int64_t complete_to;
    struct expected_row rows[6];
};

/* creation, data, reactions */
#define LIVE(i, c, d, r)                                                                           \
    {                                                                                              \
        .id = (i), .seqno_creation = (c), .seqno_data = (d), .seqno_reactions = (r)                \
    }
#define TOMB(i, c, d)                                                                              \
    {                                                                                              \
        .id = (i), .seqno_creation = (c), .seqno_data = (d), .deleted = true                       \
    }

static const struct cut cuts[] = {
    {.name = "nothing happened",
     .messages = {LIVE(1, 1, 1, 0)},
     .since = 1,
     .limit = 100,
     .t_r = true,
     .complete_to = 1},
    {.name = "uncut, both events: one full row with the later number",
     .messages = {LIVE(1, 1, 1, 4), LIVE(2, 2, 2, 0), LIVE(3, 3, 3, 0)},
     .since = 0,
     .limit = 100,
     .t_r = true,
     .complete_to = 4,
     .rows = {{2, 2, false}, {3, 3, false}, {1, 4, false}}},
    {.name = "cut between both events: the full row carries the number of its data",
     .messages = {LIVE(1, 1, 1, 4), LIVE(2, 2, 2, 0), LIVE(3, 3, 3, 0)},
     .since = 0,
     .limit = 2,
     .t_r = true,
     .complete_to = 4,
     .rows = {{1, 1, false}, {2, 2, false}}},
    {.name = "the page that follows has the reactions alone",
     .messages = {LIVE(1, 1, 1, 4), LIVE(2, 2, 2, 0), LIVE(3, 3, 3, 0)},
     .since = 2,
     .limit = 2,
     .t_r = true,
     .complete_to = 4,
     .rows = {{3, 3, false}, {1, 4, true}}},
    {.name = "reactions to the very message he read last",
     .messages = {LIVE(1, 1, 1, 2)},
     .since = 1,
     .limit = 100,
     .t_r = true,
     .complete_to = 2,
     .rows = {{1, 2, true}}},
    {.name =
         "filled to the last row: what follows within the same page is told with its first event",
     .messages = {LIVE(1, 1, 1, 3), LIVE(2, 2, 2, 0)},
     .since = 0,
     .limit = 2,
     .t_r = true,
     .complete_to = 3,
     .rows = {{2, 2, false}, {1, 3, false}}},
    {.name = "without t=r reactions are no event",
     .messages = {LIVE(1, 1, 1, 4), LIVE(2, 2, 2, 0)},
     .since = 1,
     .limit = 100,
     .t_r = false,
     .complete_to = 4,
     .rows = {{2, 2, false}}},
    {.name = "without t=r a full row still shows the later number",
     .messages = {LIVE(1, 1, 1, 4), LIVE(2, 2, 2, 0)},
     .since = 0,
     .limit = 100,
     .t_r = false,
     .complete_to = 4,
     .rows = {{2, 2, false}, {1, 4, false}}},
    {.name = "reactions older than the edit are no event of their own",
     .messages = {LIVE(1, 1, 5, 3)},
     .since = 1,
     .limit = 100,
     .t_r = true,
     .complete_to = 5,
     .rows = {{1, 5, false}}},
    {.name = "a deletion is told to those who can know the message",
     .messages = {TOMB(1, 1, 4), TOMB(2, 3, 5)},
     .since = 2,
     .limit = 100,
     .t_r = true,
     .complete_to = 5,
     .rows = {{1, 4, false}}},
    {.name = "a deletion at the reader's own number of creation",
     .messages = {TOMB(1, 2, 4)},
     .since = 2,
     .limit = 100,
     .t_r = true,
     .complete_to = 4,
     .rows = {{1, 4, false}}},
    {.name = "a limit of zero counts as one",
     .messages = {LIVE(1, 1, 1, 0), LIVE(2, 2, 2, 0)},
     .since = 0,
     .limit = 0,
     .t_r = true,
     .complete_to = 2,
     .rows = {{1, 1, false}}},
    {.name = "bytes cut like a limit",
     .messages = {LIVE(1, 1, 1, 4), LIVE(2, 2, 2, 0), LIVE(3, 3, 3, 0)},
     .since = 0,
     .limit = 100,
     .t_r = true,
     .max_bytes = 2 * ROW_BYTES,
     .complete_to = 4,
     .rows = {{1, 1, false}, {2, 2, false}}},
    {.name = "one row comes however large it is",
     .messages = {LIVE(1, 1, 1, 0), LIVE(2, 2, 2, 0)},
     .since = 0,
     .limit = 100,
     .t_r = true,
     .max_bytes = ROW_BYTES - 1,
     .complete_to = 2,
     .rows = {{1, 1, false}}},
    {.name = "reactions behind what was offered stay for later",
     .messages = {LIVE(1, 1, 1, 9)},
     .since = 0,
     .limit = 100,
     .t_r = true,
     .complete_to = 8,
     .rows = {{1, 1, false}}},
};

/*
 * The messages in the order in which a page wants them: naively, by looking for the least first
 * event each time.
 */
static const struct message_row *next_by_event(const struct page *page,
                                               const struct message_row *messages, size_t count,
                                               int64_t after)
{
    const struct message_row *best = NULL;
    for (size_t i = 0; i < count; i++) {
        int64_t event = page_first_event(page, &messages[i]);
        if (event > after && (best == NULL || event < page_first_event(page, best)))
            best = &messages[i];
    }
    return best;
}

static void fill_page(struct page *page, const struct message_row *messages, size_t count,
                      int64_t complete_to)
{
    int64_t after = 0;
    for (const struct message_row *m; (m = next_by_event(page, messages, count, after)) != NULL &&
                                      page_offer(page, m, (struct span){NULL, 0}, ROW_BYTES);)
        after = page_first_event(page, m);
    page_finish(page, complete_to);
}

static void page__cuts__give_these_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        const struct cut *c = &cuts[i];
        size_t messages = 0;
        size_t rows = 0;
        struct page page;
        while (messages < COUNT_OF(c->messages) && c->messages[messages].id != 0)
            messages++;
        while (rows < COUNT_OF(c->rows) && c->rows[rows].id != 0)
            rows++;
        page_begin(&page, c->since, c->limit, c->t_r,
                   c->max_bytes > 0 ? c->max_bytes : ROOMY_BYTES);
        fill_page(&page, c->messages, messages, c->complete_to);
        if (page.count != rows)
            fail_msg("%s: %zu rows instead of %zu", c->name, page.count, rows);
        for (size_t r = 0; r < rows; r++) {
            const struct page_row *row = &page.rows[r];
            const struct expected_row *e = &c->rows[r];
            if (row->message->id != e->id || row->seqno != e->seqno ||
                row->reactions_only != e->reactions_only)
                fail_msg("%s: row %zu is message %ld under %ld", c->name, r, (long)row->message->id,
                         (long)row->seqno);
        }
    }
}

static void page__any_limit__holds_at_most_256_rows(void **state)
{
    (void)state;
    static struct message_row messages[300];
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        messages[i] = (struct message_row)LIVE((int64_t)i + 1, (int64_t)i + 1, (int64_t)i + 1, 0);
    struct page page;
    page_begin(&page, 0, INT64_MAX, true, ROOMY_BYTES);
    fill_page(&page, messages, COUNT_OF(messages), 300);
    assert_int_equal(page.count, 256);
    assert_int_equal(page.rows[255].seqno, 256);
    page_begin(&page, 0, INT64_MIN, true, ROOMY_BYTES);
    fill_page(&page, messages, COUNT_OF(messages), 300);
    assert_int_equal(page.count, 1);
}

/* ---- the walk ---- */

enum { MESSAGES_MAX = 400, READERS = 100, STEPS = 3000, WALKS = 4, RULE_READERS = 10 };

/* What a reader shows of one message; and what the room holds of it. */
struct shown {
    bool known, deleted;
    int64_t text;      /* the number under which it was last written */
    int64_t reactions; /* the number under which they last changed */
};

struct reader {
    int64_t since, limit;
    bool t_r;
    size_t orphans; /* reactions to a message that he never got */
    struct shown shown[MESSAGES_MAX + 1];
};

struct walk {
    uint64_t random;
    struct message_row messages[MESSAGES_MAX];
    size_t count;
    int64_t sequence;
};

/* How a page is made: ours, or the one to compare with. */
typedef void (*page_maker)(const struct walk *walk, struct page *page);

static size_t dice(struct walk *walk, size_t sides)
{
    walk->random ^= walk->random << 13;
    walk->random ^= walk->random >> 7;
    walk->random ^= walk->random << 17;
    return (size_t)(walk->random % sides);
}

static void happen(struct walk *walk)
{
    size_t what = dice(walk, 10);
    struct message_row *m = walk->count > 0 ? &walk->messages[dice(walk, walk->count)] : NULL;
    if (what < 4 && walk->count < MESSAGES_MAX) {
        int64_t seqno = ++walk->sequence;
        walk->messages[walk->count] =
            (struct message_row)LIVE((int64_t)walk->count + 1, seqno, seqno, 0);
        walk->count++;
    } else if (m == NULL || m->deleted) {
        return;
    } else if (what < 6) {
        m->seqno_data = ++walk->sequence;
    } else if (what < 9) {
        m->seqno_reactions = ++walk->sequence;
    } else {
        m->seqno_data = ++walk->sequence;
        m->deleted = true;
    }
}

static void our_page(const struct walk *walk, struct page *page)
{
    fill_page(page, walk->messages, walk->count, walk->sequence);
}

static int64_t later(const struct message_row *m)
{
    return m->seqno_reactions > m->seqno_data ? m->seqno_reactions : m->seqno_data;
}

/* Protocol 02, 3.3 as written: only the later event of a message counts. */
static void page_by_the_rule(const struct walk *walk, struct page *page)
{
    int64_t after = page->since;
    while (page->count < page->limit) {
        const struct message_row *next = NULL;
        for (size_t i = 0; i < walk->count; i++) {
            const struct message_row *m = &walk->messages[i];
            bool counts = (!m->deleted || m->seqno_creation <= page->since) && later(m) > after &&
                          (page->t_r || m->seqno_data > page->since);
            if (counts && (next == NULL || later(m) < later(next)))
                next = m;
        }
        if (next == NULL)
            return;
        after = later(next);
        page->rows[page->count++] =
            (struct page_row){.message = next,
                              .seqno = after,
                              .reactions_only = page->since > 0 && next->seqno_data <= page->since};
    }
}

/* What a client does with one page. Returns how many rows there were. */
static size_t poll_page(struct reader *r, const struct walk *walk, page_maker make)
{
    struct page page;
    int64_t last = r->since;
    page_begin(&page, r->since, r->limit, r->t_r, ROOMY_BYTES);
    make(walk, &page);
    for (size_t i = 0; i < page.count; i++) {
        const struct page_row *row = &page.rows[i];
        const struct message_row *m = row->message;
        struct shown *shown = &r->shown[m->id];
        assert_true(row->seqno > last); /* ascending, above what he asked with */
        last = row->seqno;
        r->orphans += row->reactions_only && !shown->known;
        if (!row->reactions_only)
            *shown = (struct shown){.known = true, .deleted = m->deleted, .text = m->seqno_data};
        if (shown->known && !m->deleted)
            shown->reactions = m->seqno_reactions;
    }
    r->since = last;
    return page.count;
}

/* How many messages he shows otherwise than they are. */
static size_t count_wrong(const struct reader *r, const struct walk *walk)
{
    size_t wrong = r->orphans;
    for (size_t i = 0; i < walk->count; i++) {
        const struct message_row *m = &walk->messages[i];
        const struct shown *shown = &r->shown[m->id];
        if (m->deleted)
            wrong += shown->known && !shown->deleted;
        else
            wrong += !shown->known || shown->deleted || shown->text != m->seqno_data ||
                     (r->t_r && shown->reactions != m->seqno_reactions);
    }
    return wrong;
}

static size_t walk_through(uint64_t seed, size_t readers, page_maker make)
{
    static struct walk walk;
    static struct reader all[READERS];
    size_t wrong = 0;
    walk = (struct walk){.random = seed};
    for (size_t i = 0; i < readers; i++)
        all[i] = (struct reader){.limit = (int64_t)i + 1, .t_r = i % 4 != 3};
    for (size_t step = 0; step < STEPS; step++) {
        happen(&walk);
        (void)poll_page(&all[dice(&walk, readers)], &walk, make);
    }
    assert_true(walk.count > MESSAGES_MAX / 2);
    for (size_t i = 0; i < readers; i++) {
        while (poll_page(&all[i], &walk, make) > 0)
            ;
        wrong += count_wrong(&all[i], &walk);
    }
    return wrong;
}

static void page__readers_of_every_limit__end_with_the_picture_of_the_room(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WALKS; seed++)
        assert_int_equal(walk_through(seed, READERS, our_page), 0);
}

/* That the walk can fail: the rule that D17 replaces loses messages in it. */
static void page__the_rule_as_written__loses_messages_in_the_same_walk(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WALKS; seed++)
        assert_true(walk_through(seed, RULE_READERS, page_by_the_rule) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page__cuts__give_these_rows),
        cmocka_unit_test(page__any_limit__holds_at_most_256_rows),
        cmocka_unit_test(page__readers_of_every_limit__end_with_the_picture_of_the_room),
        cmocka_unit_test(page__the_rule_as_written__loses_messages_in_the_same_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
