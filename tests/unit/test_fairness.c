/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pure parts of fair sharing: turns in a lane, shares of the processor, rates in a table of
 * fixed size, what one identity and all strangers together may do, and since when somebody is
 * known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "state/known.h"
#include "work/buckets.h"
#include "work/limits.h"
#include "work/shares.h"
#include "work/turns.h"

static struct session_id id_of(uint64_t n)
{
    struct session_id id = {{ID_BLINDED15}};
    memcpy(id.b + 1, &n, sizeof(n));
    return id;
}

/* ---- turns ---- */

static void turns__when_both_wait__give_strangers_their_share(void **state)
{
    (void)state;
    struct turns t = {.workers = 4, .share_percent = 25};
    int strangers = 0;
    for (int i = 0; i < 100; i++) {
        enum turn turn = turns_next(&t, true, true, false);
        assert_int_not_equal(turn, TURN_NOBODY);
        strangers += turn == TURN_STRANGER;
    }
    assert_int_equal(strangers, 25);
}

static void turns__while_members_wait__bound_the_workers_of_strangers(void **state)
{
    (void)state;
    struct turns t = {.workers = 8, .share_percent = 25, .strangers_running = 1};
    int strangers = 0;
    for (int i = 0; i < 8; i++)
        strangers += turns_next(&t, true, true, false) == TURN_STRANGER;
    assert_int_equal(strangers, 2); /* one more may begin, and none of these has */
    t.strangers_running = 2;
    for (int i = 0; i < 8; i++)
        assert_int_equal(turns_next(&t, true, true, false), TURN_MEMBER);
}

static void turns__strangers_alone__leave_one_worker_free_if_asked(void **state)
{
    (void)state;
    struct turns t = {.workers = 4, .share_percent = 25, .keep_one = true};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(turns_next(&t, false, true, false), TURN_STRANGER);
        turns_begin(&t, TURN_STRANGER);
    }
    assert_int_equal(turns_next(&t, false, true, false), TURN_NOBODY);
    assert_int_equal(turns_next(&t, true, true, false), TURN_MEMBER);
    turns_end(&t, TURN_STRANGER);
    assert_int_equal(turns_next(&t, false, true, false), TURN_STRANGER);
    struct turns single = {.workers = 1, .share_percent = 25, .keep_one = true};
    assert_int_equal(turns_next(&single, false, true, false), TURN_STRANGER);
}

static void turns__when_the_share_is_spent__let_strangers_wait(void **state)
{
    (void)state;
    struct turns t = {.workers = 4, .share_percent = 25};
    assert_int_equal(turns_next(&t, false, true, true), TURN_NOBODY);
    assert_int_equal(turns_next(&t, true, true, true), TURN_MEMBER);
    assert_int_equal(turns_next(&t, false, false, false), TURN_NOBODY);
}

/* ---- shares ---- */

static void shares__of_idle_threads__are_never_spent(void **state)
{
    (void)state;
    struct shares *s = NULL;
    assert_int_equal(shares_new(25, 2, &s), OK);
    for (int64_t t = 0; t < 10; t++) {
        shares_charge(s, true, SHARES_WINDOW_US / 2, t * SHARES_WINDOW_US); /* a quarter of two */
        assert_false(shares_spent(s, t * SHARES_WINDOW_US + 1));
    }
    shares_free(s);
}

static void
shares__of_busy_threads__are_spent_at_the_share_and_whole_in_the_next_window(void **state)
{
    (void)state;
    struct shares *s = NULL;
    int64_t t = 10 * SHARES_WINDOW_US;
    assert_int_equal(shares_new(25, 2, &s), OK);
    shares_charge(s, false, SHARES_WINDOW_US, t); /* half of two threads: busy */
    assert_false(shares_spent(s, t + 1));
    shares_charge(s, true, SHARES_WINDOW_US / 2 - 1, t + 2);
    assert_false(shares_spent(s, t + 3));
    shares_charge(s, true, 1, t + 4);
    assert_true(shares_spent(s, t + 5));
    t += SHARES_WINDOW_US;
    assert_false(shares_spent(s, t)); /* still busy, but nothing is used of the new window */
    shares_charge(s, true, SHARES_WINDOW_US / 2, t + 1);
    assert_true(shares_spent(s, t + 2));
    t += 3 * SHARES_WINDOW_US;
    assert_false(shares_spent(s, t)); /* a pause: nobody is busy */
    shares_charge(s, true, SHARES_WINDOW_US / 2, t + 1);
    assert_false(shares_spent(s, t + 2));
    shares_free(s);
}

static void shares__of_a_hundred_percent__are_never_spent(void **state)
{
    (void)state;
    struct shares *s = NULL;
    assert_int_equal(shares_new(100, 1, &s), OK);
    shares_charge(s, true, 10 * SHARES_WINDOW_US, 0);
    assert_false(shares_spent(s, 1));
    shares_free(s);
}

/* ---- buckets ---- */

static bool take(struct buckets *b, const char *key, int64_t amount, int64_t now_ms)
{
    const struct bucket_rate rate = {5, 10000};
    return buckets_take(b, span_of_text(key), rate, amount, now_ms);
}

static void bucket__gives_its_count_at_once_and_then_by_time(void **state)
{
    (void)state;
    struct buckets *b = NULL;
    int64_t t = 1000000;
    assert_int_equal(buckets_new(10, &b), OK);
    for (int i = 0; i < 5; i++)
        assert_true(take(b, "ana", 1, t));
    assert_false(take(b, "ana", 1, t));
    assert_true(take(b, "ben", 5, t)); /* another key has its own */
    assert_false(take(b, "ana", 1, t + 1999));
    assert_true(take(b, "ana", 1, t + 2000));
    assert_false(take(b, "ana", 1, t + 2000));
    assert_true(take(b, "ana", 5, t + 20000));
    assert_false(take(b, "cid", 6, t)); /* more than the whole rate */
    assert_true(take(b, "cid", 5, t));
    buckets_give(b, SPAN("cid"), (struct bucket_rate){5, 10000}, 5);
    assert_true(take(b, "cid", 5, t));
    const struct bucket_rate off = {0, 10000};
    assert_true(buckets_take(b, SPAN("dan"), off, 1000000, t));
    buckets_free(b);
}

static void buckets__full_of_others__refuse_nobody_for_it(void **state)
{
    (void)state;
    struct buckets *b = NULL;
    const struct bucket_rate rate = {1, 1000};
    assert_int_equal(buckets_new(4, &b), OK); /* sixteen places */
    for (uint64_t i = 0; i < 10000; i++)
        assert_true(buckets_take(b, span_of(&i, sizeof(i)), rate, 1, 5000));
    buckets_free(b);
}

/* ---- limits ---- */

static const struct conf conf = {.limits = {.strangers_together = {10, 60000},
                                            .uploads = {4, 60000},
                                            .upload_bytes = 1000,
                                            .dms = {3, 60000},
                                            .reactions = {5, 60000},
                                            .deletions = {10, 60000},
                                            .moderation = {20, 60000},
                                            .strangers_bytes = 1000},
                                 .files = {.upload_limit = {6, 60000}, .anonymous_bytes = 5000}};

static struct limit_claim member_claim(enum limit_action action, uint64_t who)
{
    return (struct limit_claim){
        .action = action, .kind = CALLER_MEMBER, .who = id_of(who), .room = 1, .amount = 1};
}

static void limit__of_one_identity__binds_that_identity_only(void **state)
{
    (void)state;
    struct limits *l = NULL;
    struct limit_claim ana = member_claim(LIMIT_REACTIONS, 1);
    struct limit_claim ben = member_claim(LIMIT_REACTIONS, 2);
    assert_int_equal(limits_new(&conf, &l), OK);
    for (int i = 0; i < 5; i++) {
        ana.room = i; /* whatever the room */
        assert_int_equal(limits_take(l, &ana, 1000), LIMIT_FITS);
    }
    assert_int_equal(limits_take(l, &ana, 1000), LIMIT_OWN);
    assert_int_equal(limits_take(l, &ben, 1000), LIMIT_FITS);
    ana.action = LIMIT_DMS; /* and that deed only */
    assert_int_equal(limits_take(l, &ana, 1000), LIMIT_FITS);
    limits_free(l);
}

static void limit__of_bytes__counts_bytes_and_takes_nothing_when_it_refuses(void **state)
{
    (void)state;
    struct limits *l = NULL;
    struct limit_claim ana = member_claim(LIMIT_UPLOADS, 1);
    ana.bytes = 600;
    assert_int_equal(limits_new(&conf, &l), OK);
    assert_int_equal(limits_take(l, &ana, 1000), LIMIT_FITS);
    for (int i = 0; i < 10; i++)
        assert_int_equal(limits_take(l, &ana, 1000),
                         LIMIT_OWN); /* too many bytes: no upload is counted either */
    ana.bytes = 100;
    for (int i = 0; i < 3; i++)
        assert_int_equal(limits_take(l, &ana, 1000), LIMIT_FITS);
    assert_int_equal(limits_take(l, &ana, 1000), LIMIT_OWN);
    limits_free(l);
}

static void limit__of_strangers__is_shared_by_all_of_a_room_and_of_the_server(void **state)
{
    (void)state;
    struct limits *l = NULL;
    uint64_t n = 0;
    assert_int_equal(limits_new(&conf, &l), OK);
    for (int64_t room = 1; room <= 10; room++) {
        struct limit_claim claim = member_claim(LIMIT_POSTS, 0);
        claim.kind = CALLER_STRANGER;
        claim.room = room;
        for (int i = 0; i < 10; i++) {
            claim.who = id_of(n++);
            assert_int_equal(limits_take(l, &claim, 1000), LIMIT_FITS);
        }
        claim.who = id_of(n++);
        assert_int_equal(limits_take(l, &claim, 1000), LIMIT_OWN);
        claim.kind = CALLER_MEMBER; /* members do not share it */
        assert_int_equal(limits_take(l, &claim, 1000), LIMIT_FITS);
    }
    /* Ten rooms' worth: the server's. */
    struct limit_claim eleventh = member_claim(LIMIT_POSTS, n);
    eleventh.kind = CALLER_STRANGER;
    eleventh.room = 11;
    assert_int_equal(limits_take(l, &eleventh, 1000), LIMIT_OWN);
    assert_int_equal(limits_take(l, &eleventh, 1000 + 6000), LIMIT_FITS);
    limits_free(l);
}

static void uploads__of_one_kind_of_callers__take_nothing_from_another(void **state)
{
    (void)state;
    struct limits *l = NULL;
    struct limit_claim anonymous = {
        .action = LIMIT_UPLOADS, .kind = CALLER_ANONYMOUS, .amount = 1, .bytes = 800};
    struct limit_claim extension = anonymous;
    extension.action = LIMIT_EXTENSIONS;
    assert_int_equal(limits_new(&conf, &l), OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(limits_take(l, &anonymous, 1000), LIMIT_FITS);
    assert_int_equal(limits_take(l, &extension, 1000), LIMIT_FITS);
    assert_int_equal(limits_take(l, &extension, 1000), LIMIT_OF_KIND); /* of 5,000 bytes a day */
    anonymous.bytes = 1;
    assert_int_equal(limits_take(l, &anonymous, 1000), LIMIT_FITS);
    assert_int_equal(limits_take(l, &anonymous, 1000), LIMIT_OF_KIND); /* of six */
    for (uint64_t i = 0; i < 6; i++) {
        struct limit_claim stranger = member_claim(LIMIT_UPLOADS, 10 + i);
        struct limit_claim member = member_claim(LIMIT_UPLOADS, 20 + i);
        stranger.kind = CALLER_STRANGER;
        assert_int_equal(limits_take(l, &stranger, 1000), LIMIT_FITS);
        assert_int_equal(limits_take(l, &member, 1000), LIMIT_FITS);
    }
    /* Whoever is over his own limit takes nothing from the others of his kind. */
    struct limit_claim greedy = member_claim(LIMIT_UPLOADS, 30), last = greedy;
    last.who = id_of(31);
    for (int i = 0; i < 4; i++)
        assert_int_equal(limits_take(l, &greedy, 61000), LIMIT_FITS);
    for (int i = 0; i < 9; i++)
        assert_int_equal(limits_take(l, &greedy, 61000), LIMIT_OWN);
    assert_int_equal(limits_take(l, &last, 61000), LIMIT_FITS);
    limits_free(l);
}

static void bytes_of_strangers__are_one_budget_for_posts_and_messages(void **state)
{
    (void)state;
    struct limits *l = NULL;
    struct limit_claim post = member_claim(LIMIT_POSTS, 1), dm = member_claim(LIMIT_DMS, 2);
    post.kind = dm.kind = CALLER_STRANGER;
    post.bytes = 600;
    dm.bytes = 401;
    assert_int_equal(limits_new(&conf, &l), OK);
    assert_int_equal(limits_take(l, &post, 1000), LIMIT_FITS);
    assert_int_equal(limits_take(l, &dm, 1000), LIMIT_OWN);
    dm.bytes = 400;
    assert_int_equal(limits_take(l, &dm, 1000), LIMIT_FITS);
    post.kind = CALLER_MEMBER;
    assert_int_equal(limits_take(l, &post, 1000), LIMIT_FITS);
    limits_free(l);
}

static void charge__of_what_was_done__is_waited_for_but_not_for_ever(void **state)
{
    (void)state;
    struct limits *l = NULL;
    struct limit_claim one = member_claim(LIMIT_DELETIONS, 1), many = one;
    many.amount = 20;
    assert_int_equal(limits_new(&conf, &l), OK);
    assert_int_equal(limits_take(l, &one, 1000), LIMIT_FITS);
    limits_charge(l, &many, 1000); /* 21 of 10: two and more are to come back first */
    assert_int_equal(limits_take(l, &one, 1000 + 71000), LIMIT_OWN);
    assert_int_equal(limits_take(l, &one, 1000 + 72000), LIMIT_FITS);
    many.amount = 1000000;
    limits_charge(l, &many, 100000);
    assert_int_equal(limits_take(l, &one, 100000 + 545000), LIMIT_OWN);
    assert_int_equal(limits_take(l, &one, 100000 + 546000), LIMIT_FITS);
    limits_free(l);
}

static void deeds_of_a_moderator__count_in_one_limit_whatever_they_are(void **state)
{
    (void)state;
    struct limits *l = NULL;
    struct limit_claim react = member_claim(LIMIT_REACTIONS, 1);
    struct limit_claim ban = member_claim(LIMIT_MODERATION, 1);
    react.moderates = ban.moderates = true;
    assert_int_equal(limits_new(&conf, &l), OK);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(limits_take(l, &react, 1000), LIMIT_FITS);
        assert_int_equal(limits_take(l, &ban, 1000), LIMIT_FITS);
    }
    assert_int_equal(limits_take(l, &react, 1000), LIMIT_OWN);
    assert_int_equal(limits_take(l, &ban, 1000), LIMIT_OWN);
    limits_free(l);
}

/* ---- known ---- */

enum { AFTER_MS = 10 * MINUTE_MS };
#define NOW_MS (INT64_C(1795651200) * SECOND_MS)

static void identity__is_a_member_once_known_long_enough(void **state)
{
    (void)state;
    struct known *k = NULL;
    const struct session_id ana = id_of(1), ben = id_of(2);
    assert_int_equal(known_new(10, AFTER_MS, &k), OK);
    assert_false(known_is_member(k, &ana, NOW_MS));
    known_add(k, &ana, NOW_MS);
    assert_false(known_is_member(k, &ana, NOW_MS));
    known_add(k, &ana, NOW_MS + AFTER_MS / 2); /* the first sight counts */
    assert_false(known_is_member(k, &ana, NOW_MS + AFTER_MS - SECOND_MS));
    assert_true(known_is_member(k, &ana, NOW_MS + AFTER_MS));
    assert_false(known_is_member(k, &ben, NOW_MS + AFTER_MS));
    known_add(k, &ben, NOW_MS);
    known_add(k, &ben, NOW_MS - 2 * AFTER_MS); /* the database knows better */
    assert_true(known_is_member(k, &ben, NOW_MS));
    known_free(k);
}

static void members__in_a_flood_of_new_identities__stay_members(void **state)
{
    (void)state;
    enum { MEMBERS = 400, FLOOD = 100000 };
    struct known *k = NULL;
    assert_int_equal(known_new(10, AFTER_MS, &k), OK); /* 1024 places */
    for (uint64_t i = 0; i < MEMBERS; i++) {
        const struct session_id member = id_of(i);
        known_add(k, &member, NOW_MS - AFTER_MS);
    }
    for (uint64_t i = 0; i < FLOOD; i++) {
        const struct session_id stranger = id_of(1000000 + i);
        known_add(k, &stranger, NOW_MS + (int64_t)i / 100);
        assert_false(known_is_member(k, &stranger, NOW_MS + (int64_t)i / 100));
    }
    int kept = 0;
    for (uint64_t i = 0; i < MEMBERS; i++) {
        const struct session_id member = id_of(i);
        kept += known_is_member(k, &member, NOW_MS);
    }
    /* A set of eight may get more than eight members of four hundred; nothing else loses one. */
    assert_true(kept >= MEMBERS - 8);
    known_free(k);
}

/* Everybody who ever came is a member, and the table has room for a fifth of them. */
static void newcomers__where_all_places_are_members__become_members_too(void **state)
{
    (void)state;
    enum { ABSENT = 5000, PRESENT = 300, NEWCOMERS = 20 };
    struct known *k = NULL;
    assert_int_equal(known_new(10, AFTER_MS, &k), OK);
    for (uint64_t i = 0; i < PRESENT; i++) {
        const struct session_id member = id_of(i);
        known_add(k, &member, NOW_MS - 10 * DAY_MS);
        known_add(k, &member, NOW_MS - AFTER_MS); /* seen lately */
    }
    for (uint64_t i = 0; i < ABSENT; i++) {
        const struct session_id absent = id_of(1000000 + i);
        known_add(k, &absent, NOW_MS - 3 * DAY_MS);
    }
    for (uint64_t i = 0; i < PRESENT; i++) {
        const struct session_id member = id_of(i);
        known_add(k, &member, NOW_MS - AFTER_MS);
    }
    size_t newcomers = 0, present = 0;
    for (uint64_t i = 0; i < NEWCOMERS; i++) {
        const struct session_id newcomer = id_of(2000000 + i);
        known_add(k, &newcomer, NOW_MS);
    }
    for (uint64_t i = 0; i < NEWCOMERS; i++) {
        const struct session_id newcomer = id_of(2000000 + i);
        newcomers += known_is_member(k, &newcomer, NOW_MS + AFTER_MS);
    }
    for (uint64_t i = 0; i < PRESENT; i++) {
        const struct session_id member = id_of(i);
        present += known_is_member(k, &member, NOW_MS + AFTER_MS);
    }
    assert_true(newcomers >= NEWCOMERS - 5); /* some meet another in their set */
    assert_true(present >= PRESENT - 8);
    known_free(k);
}

static void people__two_million_of_them__are_kept(void **state)
{
    (void)state;
    enum { PEOPLE = 2000000 };
    struct known *k = NULL;
    assert_int_equal(known_new(22, AFTER_MS, &k), OK);
    for (uint64_t i = 0; i < PEOPLE; i++) {
        const struct session_id person = id_of(i);
        known_add(k, &person, NOW_MS);
    }
    size_t kept = 0;
    for (uint64_t i = 0; i < PEOPLE; i++) {
        const struct session_id person = id_of(i);
        kept += known_is_member(k, &person, NOW_MS + AFTER_MS);
    }
    assert_true(kept >= PEOPLE / 100 * 99);
    known_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns__when_both_wait__give_strangers_their_share),
        cmocka_unit_test(turns__while_members_wait__bound_the_workers_of_strangers),
        cmocka_unit_test(turns__strangers_alone__leave_one_worker_free_if_asked),
        cmocka_unit_test(turns__when_the_share_is_spent__let_strangers_wait),
        cmocka_unit_test(shares__of_idle_threads__are_never_spent),
        cmocka_unit_test(
            shares__of_busy_threads__are_spent_at_the_share_and_whole_in_the_next_window),
        cmocka_unit_test(shares__of_a_hundred_percent__are_never_spent),
        cmocka_unit_test(bucket__gives_its_count_at_once_and_then_by_time),
        cmocka_unit_test(buckets__full_of_others__refuse_nobody_for_it),
        cmocka_unit_test(limit__of_one_identity__binds_that_identity_only),
        cmocka_unit_test(limit__of_bytes__counts_bytes_and_takes_nothing_when_it_refuses),
        cmocka_unit_test(limit__of_strangers__is_shared_by_all_of_a_room_and_of_the_server),
        cmocka_unit_test(uploads__of_one_kind_of_callers__take_nothing_from_another),
        cmocka_unit_test(bytes_of_strangers__are_one_budget_for_posts_and_messages),
        cmocka_unit_test(charge__of_what_was_done__is_waited_for_but_not_for_ever),
        cmocka_unit_test(deeds_of_a_moderator__count_in_one_limit_whatever_they_are),
        cmocka_unit_test(identity__is_a_member_once_known_long_enough),
        cmocka_unit_test(members__in_a_flood_of_new_identities__stay_members),
        cmocka_unit_test(newcomers__where_all_places_are_members__become_members_too),
        cmocka_unit_test(people__two_million_of_them__are_kept),
    };
    if (crypto_start() != OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
