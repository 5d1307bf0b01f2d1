/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What memory may say about direct messages: "nothing new" only when that is sure, whatever happens
 * in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "state/mailboxes.h"

enum { CAPACITY = 8 }; /* one set: everybody is in everybody's way */

static struct session_id person(uint8_t n)
{
    struct session_id id = {{ID_BLINDED15}};
    id.b[1] = n;
    return id;
}

static struct mailboxes *open_at(int64_t complete_to)
{
    struct mailboxes *m = NULL;
    assert_int_equal(mailboxes_new(CAPACITY, &m), OK);
    mailboxes_forget(m, complete_to);
    return m;
}

static void learn(struct mailboxes *m, const struct session_id *id, int64_t inbox, int64_t outbox)
{
    const int64_t newest[DM_BOXES] = {inbox, outbox};
    struct mailbox_mark mark = mailboxes_begin(m, id);
    mailboxes_finish(m, id, mark, newest);
}

static void person__not_learnt__is_not_sure(void **state)
{
    (void)state;
    struct mailboxes *m = open_at(0);
    struct session_id ana = person(1);
    assert_false(mailboxes_nothing_after(m, &ana, DM_INBOX, INT64_MAX));
    (void)mailboxes_begin(m, &ana);
    assert_false(mailboxes_nothing_after(m, &ana, DM_INBOX, INT64_MAX));
    mailboxes_free(m);
}

static void person__learnt__is_sure_from_the_newest_on(void **state)
{
    (void)state;
    struct mailboxes *m = open_at(9);
    struct session_id ana = person(1);
    learn(m, &ana, 7, 0);
    assert_false(mailboxes_nothing_after(m, &ana, DM_INBOX, 6));
    assert_true(mailboxes_nothing_after(m, &ana, DM_INBOX, 7));
    assert_true(mailboxes_nothing_after(m, &ana, DM_OUTBOX, 0));
    mailboxes_free(m);
}

static void note__to_a_known_person__is_news_for_both_boxes(void **state)
{
    (void)state;
    struct mailboxes *m = open_at(0);
    struct session_id ana = person(1), ben = person(2), carl = person(3);
    learn(m, &ana, 0, 0);
    learn(m, &ben, 0, 0);
    learn(m, &carl, 0, 0);
    mailboxes_note(m, 1, &ana, &ben);
    assert_false(mailboxes_nothing_after(m, &ben, DM_INBOX, 0));
    assert_false(mailboxes_nothing_after(m, &ana, DM_OUTBOX, 0));
    assert_true(mailboxes_nothing_after(m, &ben, DM_OUTBOX, 0));
    assert_true(mailboxes_nothing_after(m, &ana, DM_INBOX, 0));
    assert_true(mailboxes_nothing_after(m, &carl, DM_INBOX, 0));
    assert_true(mailboxes_nothing_after(m, &ben, DM_INBOX, 1));
    mailboxes_note(m, 2, &ana, &ana); /* to oneself */
    assert_false(mailboxes_nothing_after(m, &ana, DM_INBOX, 1));
    assert_false(mailboxes_nothing_after(m, &ana, DM_OUTBOX, 1));
    mailboxes_free(m);
}

static void note__while_the_database_is_read__is_not_lost(void **state)
{
    (void)state;
    struct mailboxes *m = open_at(4);
    struct session_id ana = person(1), ben = person(2);
    const int64_t before[DM_BOXES] = {3, 0};
    struct mailbox_mark mark = mailboxes_begin(m, &ana);
    mailboxes_note(m, 5, &ben, &ana); /* committed after our reading */
    mailboxes_finish(m, &ana, mark, before);
    assert_false(mailboxes_nothing_after(m, &ana, DM_INBOX, 4));
    assert_true(mailboxes_nothing_after(m, &ana, DM_INBOX, 5));
    mailboxes_free(m);
}

/*
 * The place is lost to others and taken again by a second reading, which has seen a note that the
 * first had not.
 */
static void finish__after_the_place_was_taken_anew__changes_nothing(void **state)
{
    (void)state;
    struct mailboxes *m = open_at(4);
    struct session_id ana = person(1), ben = person(2);
    const int64_t early[DM_BOXES] = {3, 0};
    struct mailbox_mark first = mailboxes_begin(m, &ana);
    for (uint8_t n = 10; n < 10 + CAPACITY; n++) {
        struct session_id other = person(n);
        learn(m, &other, 0, 0);
    }
    mailboxes_note(m, 5, &ben, &ana); /* nobody is there to take it */
    (void)mailboxes_begin(m, &ana);
    mailboxes_finish(m, &ana, first, early);
    assert_false(mailboxes_nothing_after(m, &ana, DM_INBOX, 4));
    mailboxes_free(m);
}

static void finish__after_everything_was_forgotten__changes_nothing(void **state)
{
    (void)state;
    struct mailboxes *m = open_at(100);
    struct session_id ana = person(1);
    const int64_t early[DM_BOXES] = {0, 0};
    struct mailbox_mark mark = mailboxes_begin(m, &ana);
    mailboxes_forget(m, 40); /* an older database took its place */
    (void)mailboxes_begin(m, &ana);
    mailboxes_finish(m, &ana, mark, early);
    assert_false(mailboxes_nothing_after(m, &ana, DM_INBOX, 100));
    mailboxes_free(m);
}

static void learning_again__after_deletion__lowers_the_newest(void **state)
{
    (void)state;
    struct mailboxes *m = open_at(9);
    struct session_id ana = person(1);
    learn(m, &ana, 9, 9);
    assert_false(mailboxes_nothing_after(m, &ana, DM_INBOX, 0));
    learn(m, &ana, 0, 9);
    assert_true(mailboxes_nothing_after(m, &ana, DM_INBOX, 0));
    mailboxes_free(m);
}

static void complete_to__moves_only_over_what_is_next(void **state)
{
    (void)state;
    struct mailboxes *m = NULL;
    struct session_id ana = person(1), ben = person(2);
    assert_int_equal(mailboxes_new(CAPACITY, &m), OK);
    mailboxes_note(m, 0, &ana, &ben); /* nothing is known yet: no number is "next" */
    assert_int_equal(mailboxes_complete_to(m), -1);
    mailboxes_forget(m, 5);
    mailboxes_note(m, 7, &ana, &ben);
    assert_int_equal(mailboxes_complete_to(m), 5);
    mailboxes_note(m, 6, &ana, &ben);
    assert_int_equal(mailboxes_complete_to(m), 6);
    mailboxes_complete(m, 9);
    mailboxes_complete(m, 8); /* late */
    assert_int_equal(mailboxes_complete_to(m), 9);
    mailboxes_free(m);
}

static void full_set__makes_room_by_who_was_unused_longest(void **state)
{
    (void)state;
    struct mailboxes *m = open_at(0);
    struct session_id ana = person(1);
    learn(m, &ana, 0, 0);
    for (uint8_t n = 10; n < 100; n++) {
        struct session_id other = person(n);
        learn(m, &other, 0, 0);
        assert_true(mailboxes_nothing_after(m, &ana, DM_INBOX, 0)); /* polls all the time: stays */
    }
    struct session_id early = person(10), late = person(99);
    assert_false(mailboxes_nothing_after(m, &early, DM_INBOX, 0));
    assert_true(mailboxes_nothing_after(m, &late, DM_INBOX, 0));
    mailboxes_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(person__not_learnt__is_not_sure),
        cmocka_unit_test(person__learnt__is_sure_from_the_newest_on),
        cmocka_unit_test(note__to_a_known_person__is_news_for_both_boxes),
        cmocka_unit_test(note__while_the_database_is_read__is_not_lost),
        cmocka_unit_test(finish__after_the_place_was_taken_anew__changes_nothing),
        cmocka_unit_test(finish__after_everything_was_forgotten__changes_nothing),
        cmocka_unit_test(learning_again__after_deletion__lowers_the_newest),
        cmocka_unit_test(complete_to__moves_only_over_what_is_next),
        cmocka_unit_test(full_set__makes_room_by_who_was_unused_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
