/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reactions without a server: how they are written, kept in memory and sealed; and messages without
 * their padding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/mem.h"
#include "base/unpad.h"
#include "crypto/box.h"
#include "router/call.h"
#include "state/page.h"
#include "state/render.h"
#include "state/window.h"
#include "store/reactions.h"

#define HEX32(x) x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x
#define ID(x)    "\"15" HEX32(x) "\""

static struct session_id id_of(uint8_t byte)
{
    struct session_id s;
    memset(s.b, byte, sizeof(s.b));
    s.b[0] = 0x15;
    return s;
}

/* Three people; the fourth is beyond what memory keeps. */
static struct session_id people[3];
static struct reaction_row reactions[2];

static struct message_row reacted_row(void)
{
    for (uint8_t i = 0; i < COUNT_OF(people); i++)
        people[i] = id_of((uint8_t)(0xa0 + i));
    reactions[0] =
        (struct reaction_row){.text = SPAN("\"\x01"), .count = 4, .reactors = people, .kept = 3};
    reactions[1] =
        (struct reaction_row){.text = SPAN("🍍"), .count = 1, .reactors = people + 1, .kept = 1};
    return (struct message_row){.id = 5,
                                .author = id_of(1),
                                .seqno_creation = 7,
                                .seqno_data = 7,
                                .seqno_reactions = 12,
                                .reactions = reactions,
                                .reaction_count = 2};
}

static void assert_row(const struct message_row *row, const struct identity *who, int64_t reactors,
                       const char *expected)
{
    const struct reader_view view = {.who = who, .limit = 1, .reactors = reactors};
    AUTO_BUF struct buf b = buf_make(KIB(8));
    render_reactions_only(row, 12, &view, &b);
    assert_int_equal(buf_verdict(&b), OK);
    assert_true(b.len <= render_size(row, &view));
    buf_put_byte(&b, '\0');
    assert_string_equal((const char *)b.p, expected);
}

static void reactions_only__each_reader__gets_exactly_this(void **state)
{
    (void)state;
    const struct message_row row = reacted_row();
    const struct identity nobody = {.known = false}, second = {.known = true, .id = people[1]};
    assert_row(&row, &nobody, 2,
               "{\"seqno\":12,\"id\":5,\"reactions\":{"
               "\"\\\"\\u0001\":{\"index\":0,\"count\":4,\"reactors\":[" ID("a0") "," ID(
                   "a1") "]},"
                         "\"🍍\":{\"index\":1,\"count\":1,\"reactors\":[" ID("a1") "]}}}");
    assert_row(&row, &second, 0,
               "{\"seqno\":12,\"id\":5,\"reactions\":{"
               "\"\\\"\\u0001\":{\"index\":0,\"count\":4,\"you\":true},"
               "\"🍍\":{\"index\":1,\"count\":1,\"you\":true}}}");
    struct message_row none = row;
    none.reaction_count = 0;
    assert_row(&none, &second, 2, "{\"seqno\":12,\"id\":5,\"reactions\":{}}");
}

static void you__beyond_what_is_kept__is_not_known(void **state)
{
    (void)state;
    struct message_row row = reacted_row();
    const struct identity first = {.known = true, .id = people[0]};
    const struct identity fourth = {.known = true, .id = id_of(0xff)};
    const struct identity nobody = {.known = false, .id = id_of(0xff)};
    struct reader_view view = {.who = &first, .reactors = 20};
    assert_true(render_knows_you(&row, &view));
    view.who = &fourth;
    assert_false(render_knows_you(&row, &view));
    view.who = &nobody;
    assert_true(render_knows_you(&row, &view));
    /* Read for this reader: the database said so. */
    reactions[0].caller = true;
    assert_row(&row, &fourth, 0,
               "{\"seqno\":12,\"id\":5,\"reactions\":{"
               "\"\\\"\\u0001\":{\"index\":0,\"count\":4,\"you\":true},"
               "\"🍍\":{\"index\":1,\"count\":1}}}");
    row.reaction_count = 0;
    view.who = &fourth;
    assert_true(render_knows_you(&row, &view));
}

static void window_message__has_its_own_reactions(void **state)
{
    (void)state;
    struct message_row row = reacted_row();
    struct window_message *m = NULL;
    assert_int_equal(window_message_new(&row, &m), OK);
    assert_true(m->bytes >= sizeof(*m) + m->fragment_len + 4 * sizeof(struct session_id));
    AUTO_BUF struct buf before = buf_make(KIB(8)), after = buf_make(KIB(8));
    const struct identity who = {.known = true, .id = people[2]};
    const struct reader_view view = {.who = &who, .reactors = 20};
    render_full(&row, window_fragment(m), 12, &view, &before);
    memset(people, 0, sizeof(people)); /* what it was made from goes away */
    memset(reactions, 0, sizeof(reactions));
    render_full(&m->row, window_fragment(m), 12, &view, &after);
    assert_true(span_eq(buf_span(&before), buf_span(&after)));
    window_message_free(m);
}

static void window_message__any_allocation_fails__leaks_nothing(void **state)
{
    (void)state;
    const struct message_row row = reacted_row();
    for (int64_t n = 0;; n++) {
        struct window_message *m = NULL;
        int64_t live = mem_live();
        (void)mem_fail_after(n);
        enum err e = window_message_new(&row, &m);
        (void)mem_fail_after(-1);
        window_message_free(m);
        assert_int_equal(mem_live(), live);
        if (e == OK)
            break;
        assert_int_equal(e, ERR_NO_MEMORY);
        assert_null(m);
    }
}

static void page__tombstone_whose_reactions_went_with_it__is_told_once(void **state)
{
    (void)state;
    const struct message_row tomb = {
        .id = 1, .seqno_creation = 1, .seqno_data = 5, .seqno_reactions = 8, .deleted = true};
    struct page page;
    page_begin(&page, 3, 10, true, MIB(1));
    assert_int_equal(page_first_event(&page, &tomb), 5);
    assert_true(page_offer(&page, &tomb, (struct span){NULL, 0}, 10));
    page_finish(&page, 8);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.rows[0].seqno, 8);
    assert_false(page.rows[0].reactions_only);
    page_begin(&page, 5, 10, true, MIB(1));
    assert_int_equal(page_first_event(&page, &tomb), 0);
}

/* ---- sealed ---- */

#define LONGEST "🍍🍍🍍🍍🍍🍍🍍🍍🍍🍍🍍🍍"
static const struct aead_key key = {{1, 2, 3}};

static void seal__any_text__is_of_one_size_and_never_the_same(void **state)
{
    (void)state;
    struct reaction_sealed one, again;
    assert_int_equal(strlen(LONGEST), REACTION_MAX_BYTES);
    assert_int_equal(reaction_seal(&key, 1, 2, SPAN("x"), &one), OK);
    assert_int_equal(reaction_seal(&key, 1, 2, SPAN("x"), &again), OK);
    assert_memory_not_equal(one.b, again.b, sizeof(one.b));
    assert_int_equal(reaction_seal(&key, 1, 2, SPAN(LONGEST), &one), OK);
    assert_int_equal(reaction_seal(&key, 1, 2, SPAN(""), &one), ERR_DEFECT);
    assert_int_equal(reaction_seal(&key, 1, 2, SPAN(LONGEST "x"), &one), ERR_DEFECT);
}

/* Room, message and letter, as in store/reactions.c: sealed bytes do not open in another place. */
static void seal__in_another_place__does_not_open(void **state)
{
    (void)state;
    static const uint8_t right[17] = {1, [8] = 2, [16] = 'r'};
    uint8_t wrong[sizeof(right)];
    struct reaction_sealed sealed;
    struct bytes plain;
    for (size_t i = 0; i <= sizeof(right); i++) {
        assert_int_equal(reaction_seal(&key, 1, 2, SPAN("x"), &sealed), OK);
        memcpy(wrong, right, sizeof(right));
        if (i < sizeof(right))
            wrong[i] ^= 1;
        enum err e = box_open(CIPHER_XCHACHA20, &key, span_of(wrong, sizeof(wrong)),
                              (struct bytes){sealed.b, sizeof(sealed.b)}, &plain);
        assert_int_equal(e, i < sizeof(right) ? ERR_SEALED : OK);
    }
}

/* ---- padding ---- */

static void unpad__takes_off_what_clients_add_and_nothing_else(void **state)
{
    (void)state;
    const struct {
        struct span data;
        size_t left;
    } cases[] = {
        {SPAN(""), 0},          {SPAN("abc"), 3},
        {SPAN("abc\x80"), 3},   {SPAN("abc\x80\0\0"), 3},
        {SPAN("abc\0\0"), 5},   {SPAN("\0\0\0"), 3},
        {SPAN("\x80"), 0},      {SPAN("abc\x80\x80\0"), 4},
        {SPAN("abc\0\x80"), 4},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(unpad_data(cases[i].data).len, cases[i].left);
    assert_int_equal(unpad_data((struct span){NULL, 0}).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reactions_only__each_reader__gets_exactly_this),
        cmocka_unit_test(you__beyond_what_is_kept__is_not_known),
        cmocka_unit_test(window_message__has_its_own_reactions),
        cmocka_unit_test(window_message__any_allocation_fails__leaks_nothing),
        cmocka_unit_test(page__tombstone_whose_reactions_went_with_it__is_told_once),
        cmocka_unit_test(seal__any_text__is_of_one_size_and_never_the_same),
        cmocka_unit_test(seal__in_another_place__does_not_open),
        cmocka_unit_test(unpad__takes_off_what_clients_add_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
