/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sums over windows of a tenth of a second. Contention is judged by the window before and by what
 * this one has had so far, so that a burst is noticed within its own window.
 */
#include "work/shares.h"

#include <pthread.h>

#include "base/mem.h"

/*
 * Busy: the threads worked for more than this part of a window. The rest goes to reading and
 * writing sockets.
 */
enum { BUSY_PERCENT = 50 };

struct shares {
    unsigned percent;
    int64_t capacity_us;  /* of one window */
    pthread_mutex_t lock; /* guards what follows */
    int64_t from_us;      /* when the window began */
    int64_t all_us, strangers_us;
    bool was_busy; /* the window before */
};

enum err shares_new(unsigned percent, unsigned processors, struct shares **ret_shares)
{
    struct shares *s = MEM_NEW(struct shares);
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->percent = percent;
    s->capacity_us = (int64_t)processors * SHARES_WINDOW_US;
    (void)pthread_mutex_init(&s->lock, NULL);
    *ret_shares = s;
    return OK;
}

void shares_free(struct shares *s)
{
    if (s == NULL)
        return;
    (void)pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

static bool is_busy(const struct shares *s)
{
    return s->all_us >= s->capacity_us * BUSY_PERCENT / 100;
}

/* With the lock held. */
static void turn_to(struct shares *s, int64_t now_us)
{
    int64_t passed_us = now_us - s->from_us;
    if (passed_us < SHARES_WINDOW_US)
        return;
    s->was_busy = passed_us < (int64_t)2 * SHARES_WINDOW_US && is_busy(s);
    s->from_us = now_us;
    s->all_us = 0;
    s->strangers_us = 0;
}

void shares_charge(struct shares *s, bool stranger, int64_t spent_us, int64_t now_us)
{
    (void)pthread_mutex_lock(&s->lock);
    turn_to(s, now_us);
    s->all_us += spent_us;
    if (stranger)
        s->strangers_us += spent_us;
    (void)pthread_mutex_unlock(&s->lock);
}

bool shares_spent(struct shares *s, int64_t now_us)
{
    if (s->percent >= 100)
        return false;
    (void)pthread_mutex_lock(&s->lock);
    turn_to(s, now_us);
    bool spent =
        (s->was_busy || is_busy(s)) && s->strangers_us >= s->capacity_us * s->percent / 100;
    (void)pthread_mutex_unlock(&s->lock);
    return spent;
}
