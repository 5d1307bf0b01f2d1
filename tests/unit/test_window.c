/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two windows of a room: chosen cases, and a random walk against a list of everything that ever
 * happened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "state/render.h"
#include "state/window.h"

static const uint8_t signature[MESSAGE_SIGNATURE_BYTES];

static struct message_row row_of(int64_t id, int64_t data, int64_t reactions)
{
    return (struct message_row){.id = id,
                                .seqno_creation = id,
                                .seqno_data = data,
                                .seqno_reactions = reactions,
                                .data = SPAN("text"),
                                .signature = span_of(signature, sizeof(signature))};
}

static void take(struct window *w, const struct message_row *row)
{
    struct window_message *m = NULL;
    assert_int_equal(window_message_new(row, &m), OK);
    assert_int_equal(window_take(w, m), OK);
}

static void put(struct window *w, int64_t id, int64_t data, int64_t reactions)
{
    struct message_row row = row_of(id, data, reactions);
    take(w, &row);
}

static void bury(struct window *w, int64_t id, int64_t data)
{
    struct message_row row = row_of(id, data, 0);
    row.deleted = true;
    row.data = row.signature = (struct span){NULL, 0};
    take(w, &row);
}

/* Number and message of each event, in order. */
static void assert_events(const struct window *w, const int64_t (*expected)[2], size_t count)
{
    assert_int_equal(w->event_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(w->events[i].seqno, expected[i][0]);
        assert_int_equal(w->events[i].message->row.id, expected[i][1]);
    }
}
#define EVENTS(w, ...)                                                                             \
    assert_events((w), (const int64_t[][2]){__VA_ARGS__},                                          \
                  sizeof((const int64_t[][2]){__VA_ARGS__}) / sizeof(int64_t[2]))

static void window__fresh__knows_only_that_nothing_happened_since(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 9);
    assert_int_equal(w.changes_low, 9);
    assert_true(w.recent_low == INT64_MAX);
    assert_int_equal(window_first_after(&w, 9), 0);
    assert_int_equal(window_below(&w, INT64_MAX), 0);
    assert_null(window_find(&w, 1));
    put(&w, 4, 8, 0); /* behind both marks: of no use */
    assert_int_equal(w.count, 0);
    assert_false(window_drop_oldest(&w));
    window_done(&w);
}

static void window__post_edit_reaction__move_its_events(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 0);
    put(&w, 1, 1, 0);
    put(&w, 2, 2, 0);
    EVENTS(&w, {1, 1}, {2, 2});
    put(&w, 1, 1, 3);
    EVENTS(&w, {1, 1}, {2, 2}, {3, 1});
    put(&w, 1, 1, 4); /* another reaction takes the place of the former */
    EVENTS(&w, {1, 1}, {2, 2}, {4, 1});
    put(&w, 1, 5, 4); /* an edit makes the reactions a part of its row */
    EVENTS(&w, {2, 2}, {5, 1});
    assert_int_equal(w.count, 2);
    window_done(&w);
}

static void window__older_state__does_not_replace_a_newer_one(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 0);
    put(&w, 1, 5, 0);
    put(&w, 1, 1, 4);
    EVENTS(&w, {5, 1});
    bury(&w, 1, 6);
    put(&w, 1, 5, 0);
    EVENTS(&w, {6, 1});
    assert_true(window_find(&w, 1)->row.deleted);
    window_done(&w);
}

static void window__late_word_of_an_old_deletion__takes_the_message_away(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 10);
    window_lower(&w, INT64_MAX, 0);
    put(&w, 1, 1, 0);
    bury(&w, 1, 8); /* below the mark of changes: of no use as such */
    assert_int_equal(w.count, 0);
    window_done(&w);
}

static void window__deletion__leaves_the_recent_window_and_is_a_change(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 10);
    window_lower(&w, INT64_MAX, 0);
    put(&w, 1, 1, 0); /* recent alone */
    assert_int_equal(w.count, 1);
    assert_int_equal(w.event_count, 0);
    bury(&w, 1, 11);
    EVENTS(&w, {11, 1});
    assert_true(window_drop_oldest(&w)); /* nothing needs it any more */
    assert_int_equal(w.count, 0);
    assert_int_equal(w.changes_low, 11);
    window_done(&w);
}

static void window__lowered__takes_in_what_it_had_no_use_for(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 10);
    window_lower(&w, INT64_MAX, 0);
    put(&w, 1, 8, 9);
    assert_int_equal(w.event_count, 0);
    window_lower(&w, 5, INT64_MAX);
    put(&w, 1, 8, 9);
    EVENTS(&w, {8, 1}, {9, 1});
    window_lower(&w, 7, 3); /* marks never rise by this */
    assert_int_equal(w.changes_low, 5);
    assert_int_equal(w.recent_low, 0);
    window_done(&w);
}

static void window__searches__are_exact_at_their_edges(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 0);
    for (int64_t i = 1; i <= 40; i++)
        put(&w, 10 * i, 10 * i, 0);
    for (int64_t at = 0; at <= 410; at++) {
        assert_int_equal(window_first_after(&w, at), at >= 400 ? 40 : at / 10);
        assert_int_equal(window_below(&w, at), at > 400 ? 40 : at == 0 ? 0 : (at - 1) / 10);
        assert_true((window_find(&w, at) != NULL) == (at % 10 == 0 && at > 0 && at <= 400));
    }
    window_done(&w);
}

static void window__trim__keeps_the_newest_within_both_limits(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 0);
    window_lower(&w, 0, 0);
    for (int64_t i = 1; i <= 100; i++)
        put(&w, i, i, 0);
    window_trim(&w, 30, SIZE_MAX);
    assert_int_equal(w.count, 30);
    assert_int_equal(w.by_id[0]->row.id, 71);
    assert_int_equal(w.changes_low, 70);
    assert_int_equal(w.recent_low, 70);
    window_trim(&w, SIZE_MAX, w.bytes / 2);
    assert_in_range(w.count, 5, 29);
    assert_int_equal(w.by_id[w.count - 1]->row.id, 100);
    window_trim(&w, 0, 0);
    assert_int_equal(w.count, 0);
    window_done(&w);
    assert_int_equal(w.bytes, 0);
}

static void window__fragment__is_what_render_writes(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = buf_make(KIB(4));
    struct message_row row = row_of(3, 4, 0);
    struct window w;
    render_fragment(&row, &b);
    window_init(&w, 0);
    take(&w, &row);
    assert_true(span_eq(window_fragment(window_find(&w, 3)), buf_span(&b)));
    window_done(&w);
}

/* ---- the walk ---- */

enum { MESSAGES_MAX = 120, STEPS = 4000, WALKS = 10 };

struct walk {
    uint64_t random;
    struct message_row messages[MESSAGES_MAX]; /* the room */
    size_t count;
    int64_t sequence;
    struct window window;
};

static size_t dice(struct walk *walk, size_t sides)
{
    walk->random ^= walk->random << 13;
    walk->random ^= walk->random >> 7;
    walk->random ^= walk->random << 17;
    return (size_t)(walk->random % sides);
}

static void happen(struct walk *walk)
{
    struct message_row *m = &walk->messages[dice(walk, MESSAGES_MAX)];
    int64_t seqno = walk->sequence + 1;
    if ((size_t)(m - walk->messages) >= walk->count) {
        if (walk->count == MESSAGES_MAX)
            return;
        m = &walk->messages[walk->count];
        *m = row_of((int64_t)walk->count + 1, seqno, 0);
        m->seqno_creation = seqno;
        walk->count++;
    } else if (m->deleted) {
        return;
    } else if (dice(walk, 3) > 0) {
        m->seqno_reactions = seqno;
    } else {
        m->seqno_data = seqno;
        m->deleted = dice(walk, 4) == 0;
    }
    walk->sequence = seqno;
    take(&walk->window, m);
}

/* As a refill does: lower, then all that lies between, in any order. */
static void refill(struct walk *walk)
{
    int64_t low = walk->window.changes_low;
    int64_t recent = walk->window.recent_low == INT64_MAX ? MESSAGES_MAX : walk->window.recent_low;
    window_lower(&walk->window, low - (int64_t)dice(walk, 20), recent - (int64_t)dice(walk, 20));
    if (walk->window.changes_low < 0)
        walk->window.changes_low = 0;
    if (walk->window.recent_low < 0)
        walk->window.recent_low = 0;
    for (size_t i = walk->count; i > 0; i--)
        take(&walk->window, &walk->messages[i - 1]);
}

static bool has_event(const struct walk *walk, int64_t seqno, int64_t *ret_id)
{
    for (size_t i = 0; i < walk->count; i++) {
        const struct message_row *m = &walk->messages[i];
        bool reactions = m->seqno_reactions > m->seqno_data && m->seqno_reactions == seqno;
        if (m->seqno_data == seqno || reactions) {
            *ret_id = m->id;
            return true;
        }
    }
    return false;
}

/* Complete above its marks, and nothing in it that did not happen. */
static void check(const struct walk *walk)
{
    const struct window *w = &walk->window;
    size_t at = 0;
    size_t held = 0;
    for (int64_t seqno = w->changes_low + 1; seqno <= walk->sequence; seqno++) {
        int64_t id = 0;
        if (!has_event(walk, seqno, &id))
            continue;
        assert_true(at < w->event_count);
        assert_int_equal(w->events[at].seqno, seqno);
        assert_int_equal(w->events[at].message->row.id, id);
        at++;
    }
    assert_int_equal(at, w->event_count);
    for (size_t i = 0; i < walk->count; i++) {
        const struct message_row *m = &walk->messages[i];
        const struct window_message *found = window_find(w, m->id);
        bool wanted = render_seqno(m) > w->changes_low || (!m->deleted && m->id > w->recent_low);
        assert_true(wanted ? found != NULL : found == NULL);
        held += wanted;
        if (found != NULL) {
            assert_int_equal(found->row.seqno_data, m->seqno_data);
            assert_int_equal(found->row.seqno_reactions, m->seqno_reactions);
            assert_int_equal(found->row.deleted, m->deleted);
        }
    }
    assert_int_equal(held, w->count);
}

static void window__random_walk__is_complete_above_its_marks(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WALKS; seed++) {
        static struct walk walk;
        walk = (struct walk){.random = seed};
        window_init(&walk.window, 0);
        for (int step = 0; step < STEPS; step++) {
            size_t what = dice(&walk, 12);
            if (what < 8)
                happen(&walk);
            else if (what < 11)
                (void)window_drop_oldest(&walk.window);
            else
                refill(&walk);
            if (step % 16 == 0 || what >= 8)
                check(&walk);
        }
        window_done(&walk.window);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window__fresh__knows_only_that_nothing_happened_since),
        cmocka_unit_test(window__post_edit_reaction__move_its_events),
        cmocka_unit_test(window__older_state__does_not_replace_a_newer_one),
        cmocka_unit_test(window__late_word_of_an_old_deletion__takes_the_message_away),
        cmocka_unit_test(window__deletion__leaves_the_recent_window_and_is_a_change),
        cmocka_unit_test(window__lowered__takes_in_what_it_had_no_use_for),
        cmocka_unit_test(window__searches__are_exact_at_their_edges),
        cmocka_unit_test(window__trim__keeps_the_newest_within_both_limits),
        cmocka_unit_test(window__fragment__is_what_render_writes),
        cmocka_unit_test(window__random_walk__is_complete_above_its_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
