/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The byte budget: never passed, first come first served, neither class starves the other, and
 * nobody is told twice or after having left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "metrics/metrics.h"
#include "work/budget.h"

enum { CEILING = 8 << 20, SMALL = 64 << 10, LARGE = 1 << 20 };

struct asker {
    struct budget_ticket ticket;
    int yes, no;
    bool arrives;
};

static void told(struct budget_ticket *ticket, bool yes)
{
    struct asker *asker = ticket->owner;
    if (yes)
        asker->yes++;
    else
        asker->no++;
}

static enum err ask(struct budget *b, struct asker *asker, uint64_t bytes)
{
    *asker = (struct asker){
        .ticket = {.kind = bytes <= 2 * SMALL ? BUDGET_SMALL : BUDGET_LARGE,
                   .granted = told,
                   .owner = asker,
                   .deadline_ms = INT64_MAX},
    };
    return budget_take(b, &asker->ticket, bytes);
}

static struct budget *budget_of(uint64_t ceiling)
{
    struct budget *b = NULL;
    assert_int_equal(budget_new(ceiling, NULL, &b), OK);
    return b;
}

static void budget__more_than_all_of_it__is_too_large(void **state)
{
    (void)state;
    struct budget *b = budget_of(CEILING);
    struct asker a;
    assert_int_equal(ask(b, &a, CEILING + 1), ERR_TOO_LARGE);
    assert_int_equal(ask(b, &a, UINT64_MAX), ERR_TOO_LARGE);
    assert_int_equal(ask(b, &a, CEILING), OK); /* alone, it may have everything */
    budget_give_back(b, &a.ticket);
    budget_free(b);
}

static void budget__a_waiting_one__is_told_when_its_bytes_come_back(void **state)
{
    (void)state;
    struct budget *b = budget_of(CEILING);
    struct asker first, second;
    assert_int_equal(ask(b, &first, CEILING - LARGE), OK);
    assert_int_equal(ask(b, &second, 2 * LARGE), ERR_RETRY);
    budget_keep(b, &first.ticket, CEILING - 2 * LARGE - 1, 0);
    assert_int_equal(second.yes, 0); /* the large ones' share is still full */
    budget_give_back(b, &first.ticket);
    assert_int_equal(second.yes, 1);
    assert_int_equal(second.ticket.body, 2 * LARGE);
    budget_give_back(b, &second.ticket);
    assert_int_equal(second.yes + second.no, 1);
    budget_free(b);
}

static void budget__within_a_class__comes_first_who_asked_first(void **state)
{
    (void)state;
    struct budget *b = budget_of(CEILING);
    struct asker holder, big, less;
    assert_int_equal(ask(b, &holder, 5 * LARGE), OK);
    assert_int_equal(ask(b, &big, 4 * LARGE), ERR_RETRY);
    assert_int_equal(ask(b, &less, LARGE), ERR_RETRY); /* would fit, but stands behind */
    budget_give_back(b, &holder.ticket);
    assert_int_equal(big.yes, 1);
    assert_int_equal(less.yes, 1);
    budget_give_back(b, &big.ticket);
    budget_give_back(b, &less.ticket);
    budget_free(b);
}

static void budget__large_ones__leave_a_reserve_for_small_ones(void **state)
{
    (void)state;
    struct budget *b = budget_of(CEILING);
    struct asker large[8];
    size_t held = 0;
    while (held < COUNT_OF(large) && ask(b, &large[held], LARGE) == OK)
        held++;
    assert_int_equal(held, 6); /* the seventh waits: a quarter is kept */
    struct asker small;
    assert_int_equal(ask(b, &small, SMALL), OK);
    budget_give_back(b, &small.ticket);
    for (size_t i = 0; i <= held; i++)
        budget_give_back(b, &large[i].ticket);
    assert_int_equal(large[held].no, 0);
    budget_free(b);
}

static void budget__while_a_large_one_waits__small_ones_keep_to_their_reserve(void **state)
{
    (void)state;
    struct budget *b = budget_of(CEILING);
    struct asker holder, large, small[33];
    assert_int_equal(ask(b, &holder, 4 * LARGE), OK);
    assert_int_equal(ask(b, &large, 4 * LARGE), ERR_RETRY);
    for (size_t i = 0; i < 32; i++) /* 32 * 64 KB are the reserve of 2 MB */
        assert_int_equal(ask(b, &small[i], SMALL), OK);
    assert_int_equal(ask(b, &small[32], SMALL),
                     ERR_RETRY); /* 2 MB are free, but the large one is first */
    budget_give_back(b, &holder.ticket);
    assert_int_equal(large.yes, 1);
    assert_int_equal(small[32].yes, 1);
    for (size_t i = 0; i < COUNT_OF(small); i++)
        budget_give_back(b, &small[i].ticket);
    budget_give_back(b, &large.ticket);
    budget_free(b);
}

static void budget__working_memory__never_waits_and_leaves_the_reserve(void **state)
{
    (void)state;
    struct budget *b = budget_of(CEILING);
    struct asker a, second, large;
    assert_int_equal(ask(b, &a, SMALL), OK);
    assert_int_equal(ask(b, &second, SMALL), OK);
    assert_int_equal(budget_grow(b, &a.ticket, 3 * LARGE, false), OK);
    assert_false(budget_is_short(b));
    assert_int_equal(budget_grow(b, &second.ticket, LARGE, false), OK);
    assert_true(budget_is_short(b));
    assert_int_equal(budget_grow(b, &a.ticket, 1, false), ERR_BUSY); /* half of all is in use */
    assert_int_equal(budget_grow(b, &a.ticket, UINT64_MAX, false), ERR_BUSY);
    assert_int_equal(ask(b, &large, 3 * LARGE), ERR_RETRY); /* of the 6 MB that are shared */
    budget_keep(b, &a.ticket, SMALL, 2 * LARGE);
    assert_int_equal(large.yes, 1);
    struct asker small[30];
    for (size_t i = 0; i < COUNT_OF(small); i++) /* the reserve is there */
        assert_int_equal(ask(b, &small[i], SMALL), OK);
    for (size_t i = 0; i < COUNT_OF(small); i++)
        budget_give_back(b, &small[i].ticket);
    budget_give_back(b, &a.ticket);
    budget_give_back(b, &second.ticket);
    budget_give_back(b, &large.ticket);
    assert_int_equal(ask(b, &a, CEILING), OK); /* all of it came back */
    budget_give_back(b, &a.ticket);
    budget_free(b);
}

static void budget__working_memory_of_strangers__is_half_of_it(void **state)
{
    (void)state;
    struct budget *b = budget_of(CEILING);
    struct asker stranger, other, member;
    assert_int_equal(ask(b, &stranger, SMALL), OK);
    assert_int_equal(ask(b, &other, SMALL), OK);
    assert_int_equal(ask(b, &member, SMALL), OK);
    assert_int_equal(budget_grow(b, &stranger.ticket, 2 * LARGE, true), OK);
    assert_true(budget_is_short(b));
    assert_int_equal(budget_grow(b, &other.ticket, 1, true), ERR_BUSY);
    assert_int_equal(budget_grow(b, &member.ticket, 2 * LARGE, false), OK);
    budget_give_back(b, &stranger.ticket);
    assert_int_equal(budget_grow(b, &other.ticket, LARGE, true), OK);
    budget_give_back(b, &other.ticket);
    budget_give_back(b, &member.ticket);
    assert_int_equal(ask(b, &member, CEILING), OK);
    budget_give_back(b, &member.ticket);
    budget_free(b);
}

static void budget__a_body_that_comes_in_parts__is_charged_for_each(void **state)
{
    (void)state;
    struct budget *b = budget_of(CEILING);
    struct asker a, holder;
    assert_int_equal(ask(b, &a, SMALL), OK);
    assert_int_equal(budget_take(b, &a.ticket, SMALL), OK);
    assert_int_equal(a.ticket.body, 2 * SMALL);
    assert_int_equal(ask(b, &holder, CEILING - 2 * SMALL), OK);
    assert_int_equal(budget_take(b, &a.ticket, SMALL), ERR_RETRY); /* nothing is left */
    budget_give_back(b, &holder.ticket);
    assert_int_equal(a.yes, 1);
    assert_int_equal(a.ticket.body, 3 * SMALL);
    assert_int_equal(budget_take(b, &a.ticket, CEILING), ERR_TOO_LARGE);
    budget_give_back(b, &a.ticket);
    budget_free(b);
}

static bool arrives(const struct budget_ticket *ticket)
{
    const struct asker *asker = ticket->owner;
    return asker->arrives;
}

/* As ask, for a large body that may not arrive. */
static enum err announce(struct budget *b, struct asker *asker, bool arrives_now)
{
    *asker = (struct asker){
        .arrives = arrives_now,
        .ticket = {.kind = BUDGET_LARGE,
                   .granted = told,
                   .owner = asker,
                   .arriving = arrives,
                   .arrive_by_ms = 1000,
                   .deadline_ms = 2000},
    };
    return budget_take(b, &asker->ticket, LARGE);
}

static void budget__large_bodies_that_only_say_so__get_half_of_their_share(void **state)
{
    (void)state;
    struct budget *b = budget_of(CEILING);
    struct asker silent[4], honest[4];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(announce(b, &silent[i], false), OK);
    assert_int_equal(announce(b, &silent[3], false), ERR_RETRY);
    for (size_t i = 0; i < 3; i++) /* past the silent one, without waiting */
        assert_int_equal(announce(b, &honest[i], true), OK);
    assert_int_equal(announce(b, &honest[3], true), ERR_RETRY); /* all of the share is in use */
    budget_tick(b, 999);
    assert_int_equal(silent[3].no, 0);
    budget_tick(b, 1000);
    assert_int_equal(silent[3].no, 1);
    assert_int_equal(honest[3].no, 0);
    budget_give_back(b, &silent[0].ticket);
    assert_int_equal(honest[3].yes, 1);
    for (size_t i = 0; i < COUNT_OF(silent); i++)
        budget_give_back(b, &silent[i].ticket);
    for (size_t i = 0; i < COUNT_OF(honest); i++)
        budget_give_back(b, &honest[i].ticket);
    budget_free(b);
}

static void budget__a_large_body_that_begins_to_arrive__is_admitted_at_the_next_tick(void **state)
{
    (void)state;
    struct budget *b = budget_of(CEILING);
    struct asker silent[3], late, small[33];
    for (size_t i = 0; i < COUNT_OF(silent); i++)
        assert_int_equal(announce(b, &silent[i], false), OK);
    assert_int_equal(announce(b, &late, false), ERR_RETRY);
    for (size_t i = 0; i < COUNT_OF(small); i++) /* one that does not arrive holds up nobody */
        assert_int_equal(ask(b, &small[i], SMALL), OK);
    late.arrives = true;
    assert_int_equal(late.yes, 0);
    budget_tick(b, 500);
    assert_int_equal(late.yes, 1);
    for (size_t i = 0; i < COUNT_OF(silent); i++)
        budget_give_back(b, &silent[i].ticket);
    for (size_t i = 0; i < COUNT_OF(small); i++)
        budget_give_back(b, &small[i].ticket);
    budget_give_back(b, &late.ticket);
    budget_free(b);
}

static void budget__one_past_its_deadline__is_told_no_once(void **state)
{
    (void)state;
    struct budget *b = budget_of(CEILING);
    struct asker holder, early, late;
    assert_int_equal(ask(b, &holder, CEILING), OK);
    assert_int_equal(ask(b, &late, SMALL), ERR_RETRY);
    assert_int_equal(ask(b, &early, SMALL), ERR_RETRY);
    late.ticket.deadline_ms = 2000;
    early.ticket.deadline_ms = 1000; /* though it stands behind */
    budget_tick(b, 999);
    assert_int_equal(early.no + late.no, 0);
    budget_tick(b, 1000);
    budget_tick(b, 1000);
    assert_int_equal(early.no, 1);
    assert_int_equal(late.no, 0);
    budget_give_back(b, &holder.ticket);
    assert_int_equal(late.yes, 1);
    assert_int_equal(early.yes, 0);
    budget_give_back(b, &early.ticket);
    budget_give_back(b, &late.ticket);
    budget_free(b);
}

static void budget__one_that_left_the_line__is_not_told(void **state)
{
    (void)state;
    struct budget *b = budget_of(CEILING);
    struct asker holder, first, second;
    assert_int_equal(ask(b, &holder, CEILING), OK);
    assert_int_equal(ask(b, &first, SMALL), ERR_RETRY);
    assert_int_equal(ask(b, &second, SMALL), ERR_RETRY);
    budget_give_back(b, &first.ticket);
    budget_give_back(b, &holder.ticket);
    assert_int_equal(first.yes + first.no, 0);
    assert_int_equal(second.yes, 1);
    budget_give_back(b, &second.ticket);
    budget_free(b);
}

/* ---- several threads ---- */

struct crowd {
    struct budget *budget;
    _Atomic int64_t held, most;
    atomic_int answers;
};

struct visitor {
    struct budget_ticket ticket;
    struct crowd *crowd;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool answered, yes;
};

static void visitor_told(struct budget_ticket *ticket, bool yes)
{
    struct visitor *v = ticket->owner;
    pthread_mutex_lock(&v->lock);
    assert_false(v->answered);
    v->answered = true;
    v->yes = yes;
    pthread_cond_signal(&v->changed);
    pthread_mutex_unlock(&v->lock);
}

static void visit(struct visitor *v, uint64_t bytes)
{
    v->ticket = (struct budget_ticket){.kind = bytes <= SMALL ? BUDGET_SMALL : BUDGET_LARGE,
                                       .granted = visitor_told,
                                       .owner = v,
                                       .deadline_ms = INT64_MAX};
    v->answered = false;
    if (budget_take(v->crowd->budget, &v->ticket, bytes) == ERR_RETRY) {
        pthread_mutex_lock(&v->lock);
        while (!v->answered)
            pthread_cond_wait(&v->changed, &v->lock);
        pthread_mutex_unlock(&v->lock);
    }
    int64_t held = atomic_fetch_add(&v->crowd->held, (int64_t)bytes) + (int64_t)bytes;
    if (held > atomic_load(&v->crowd->most))
        atomic_store(&v->crowd->most, held);
    atomic_fetch_add(&v->crowd->answers, 1);
    atomic_fetch_sub(&v->crowd->held, (int64_t)bytes);
    budget_give_back(v->crowd->budget, &v->ticket);
}

static void *visit_often(void *arg)
{
    struct visitor *v = arg;
    for (uint64_t i = 0; i < 2000; i++)
        visit(v, i % 3 == 0 ? LARGE * (1 + i % 5) : SMALL);
    return NULL;
}

static void budget__many_threads__all_get_their_turn_below_the_ceiling(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    struct crowd crowd = {0};
    assert_int_equal(budget_new(CEILING, m, &crowd.budget), OK);
    struct visitor visitors[8];
    pthread_t threads[COUNT_OF(visitors)];
    for (size_t i = 0; i < COUNT_OF(visitors); i++) {
        visitors[i] = (struct visitor){.crowd = &crowd};
        pthread_mutex_init(&visitors[i].lock, NULL);
        pthread_cond_init(&visitors[i].changed, NULL);
        assert_int_equal(pthread_create(&threads[i], NULL, visit_often, &visitors[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(visitors); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&crowd.answers), 2000 * COUNT_OF(visitors));
    assert_true(atomic_load(&crowd.most) <= CEILING);
    assert_int_equal(metrics_get(m, METRIC_BODY_BYTES), 0);
    budget_free(crowd.budget);
    metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget__more_than_all_of_it__is_too_large),
        cmocka_unit_test(budget__a_waiting_one__is_told_when_its_bytes_come_back),
        cmocka_unit_test(budget__within_a_class__comes_first_who_asked_first),
        cmocka_unit_test(budget__large_ones__leave_a_reserve_for_small_ones),
        cmocka_unit_test(budget__while_a_large_one_waits__small_ones_keep_to_their_reserve),
        cmocka_unit_test(budget__working_memory__never_waits_and_leaves_the_reserve),
        cmocka_unit_test(budget__working_memory_of_strangers__is_half_of_it),
        cmocka_unit_test(budget__a_body_that_comes_in_parts__is_charged_for_each),
        cmocka_unit_test(budget__large_bodies_that_only_say_so__get_half_of_their_share),
        cmocka_unit_test(budget__a_large_body_that_begins_to_arrive__is_admitted_at_the_next_tick),
        cmocka_unit_test(budget__one_past_its_deadline__is_told_no_once),
        cmocka_unit_test(budget__one_that_left_the_line__is_not_told),
        cmocka_unit_test(budget__many_threads__all_get_their_turn_below_the_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
