/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The byte budget: one sum under one lock, and two waiting lines.
 *
 * Fairness between the classes: large reservations leave a reserve for small ones, and while a large one waits, small
 * ones may not take more than that reserve, so that what is given back reaches the large one in the end. Within a class
 * it is first come, first served.
 */
#include "work/budget.h"

#include <pthread.h>

#include "base/mem.h"
#include "metrics/metrics.h"

enum {
    /* A small body with what is reserved beside it. */
    SMALL_MAX_BYTES = 96 * 1024,
    /* One part in so many is kept for small ones, downloads among them: 64 of these take 56 MB. */
    RESERVE_PART = 4,
};

enum class { SMALL, LARGE, CLASSES };

struct line {
    struct budget_ticket *first, *last;
    uint64_t used;
};

struct budget {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t told;  /* `telling` changed */
    uint64_t ceiling;
    uint64_t reserve;
    struct line lines[CLASSES];
    /* The ticket whose granted() runs now, without the lock; one at a time, so that cancelling can wait for it. */
    struct budget_ticket *telling;
    pthread_t teller;
    struct metrics *metrics; /* may be NULL */
};

/* By what was first asked for; it stays when the ticket grows. */
static enum class class_of(const struct budget_ticket *ticket) {
    return ticket->wanted <= SMALL_MAX_BYTES ? SMALL : LARGE;
}

static uint64_t used(const struct budget *b)
{
    return b->lines[SMALL].used + b->lines[LARGE].used;
}

static bool fits(const struct budget *b, enum class class, uint64_t bytes)
{
    if (bytes > b->ceiling - used(b))
        return false;
    if (class == SMALL)
        return b->lines[LARGE].first == NULL || b->lines[SMALL].used + bytes <= b->reserve;
    /* One that is larger than all but the reserve may still come alone. */
    return b->lines[LARGE].used == 0 || b->lines[LARGE].used + bytes <= b->ceiling - b->reserve;
}

static void account(struct budget *b, struct budget_ticket *ticket, uint64_t bytes_held)
{
    struct line *line = &b->lines[class_of(ticket)];
    line->used = line->used - ticket->bytes + bytes_held;
    ticket->bytes = bytes_held;
    if (b->metrics != NULL)
        metrics_set(b->metrics, METRIC_BODY_BYTES, (int64_t)used(b));
}

static bool waits(const struct budget *b, const struct budget_ticket *ticket)
{
    return ticket->prev != NULL || ticket->next != NULL ||
           b->lines[class_of(ticket)].first == ticket;
}

static void line_append(struct line *line, struct budget_ticket *ticket)
{
    ticket->next = NULL;
    ticket->prev = line->last;
    if (line->last != NULL)
        line->last->next = ticket;
    else
        line->first = ticket;
    line->last = ticket;
}

static void line_remove(struct line *line, struct budget_ticket *ticket)
{
    if (ticket->prev != NULL)
        ticket->prev->next = ticket->next;
    else
        line->first = ticket->next;
    if (ticket->next != NULL)
        ticket->next->prev = ticket->prev;
    else
        line->last = ticket->prev;
    ticket->next = NULL;
    ticket->prev = NULL;
}

/* Called with the lock held; calls granted() without it. The ticket is out of its line and may be gone afterwards. */
static void tell(struct budget *b, struct budget_ticket *ticket, bool yes)
{
    b->telling = ticket;
    b->teller = pthread_self();
    (void)pthread_mutex_unlock(&b->lock);
    ticket->granted(ticket, yes);
    (void)pthread_mutex_lock(&b->lock);
    b->telling = NULL;
    (void)pthread_cond_broadcast(&b->told);
}

/* Grants whatever can be granted; lock held. Nothing to do while another thread tells: it looks again itself. */
static void serve(struct budget *b)
{
    bool more = b->telling == NULL;
    while (more) {
        more = false;
        for (int class = 0; class < CLASSES; class ++) {
            struct line *line = &b->lines[class];
            struct budget_ticket *ticket = line->first;
            if (ticket == NULL || !fits(b, (enum class) class, ticket->wanted))
                continue;
            line_remove(line, ticket);
            account(b, ticket, ticket->wanted);
            tell(b, ticket, true);
            more = true;
        }
    }
}

enum err budget_new(uint64_t ceiling_bytes, struct metrics *metrics, struct budget **ret_budget)
{
    struct budget *b = MEM_NEW(struct budget);
    if (b == NULL)
        return ERR_NO_MEMORY;
    b->ceiling = ceiling_bytes;
    b->reserve = ceiling_bytes / RESERVE_PART;
    b->metrics = metrics;
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_cond_init(&b->told, NULL);
    *ret_budget = b;
    return OK;
}

void budget_free(struct budget *b)
{
    if (b == NULL)
        return;
    (void)pthread_cond_destroy(&b->told);
    (void)pthread_mutex_destroy(&b->lock);
    mem_free(b);
}

enum err budget_take(struct budget *b, struct budget_ticket *ticket, uint64_t bytes)
{
    if (bytes > b->ceiling)
        return ERR_TOO_LARGE;
    enum err e = OK;
    (void)pthread_mutex_lock(&b->lock);
    ticket->wanted = bytes;
    enum class class = class_of(ticket);
    struct line *line = &b->lines[class];
    if (line->first == NULL && fits(b, class, bytes)) {
        account(b, ticket, bytes);
    } else {
        line_append(line, ticket);
        e = ERR_RETRY;
    }
    (void)pthread_mutex_unlock(&b->lock);
    return e;
}

enum err budget_grow(struct budget *b, struct budget_ticket *ticket, uint64_t more_bytes)
{
    enum err e = ERR_BUSY;
    (void)pthread_mutex_lock(&b->lock);
    if (more_bytes <= b->ceiling - used(b)) {
        account(b, ticket, ticket->bytes + more_bytes);
        e = OK;
    }
    (void)pthread_mutex_unlock(&b->lock);
    return e;
}

void budget_shrink(struct budget *b, struct budget_ticket *ticket, uint64_t bytes_to_keep)
{
    (void)pthread_mutex_lock(&b->lock);
    while (b->telling == ticket && !pthread_equal(b->teller, pthread_self()))
        (void)pthread_cond_wait(&b->told, &b->lock);
    if (waits(b, ticket))
        line_remove(&b->lines[class_of(ticket)], ticket);
    if (bytes_to_keep < ticket->bytes)
        account(b, ticket, bytes_to_keep);
    serve(b);
    (void)pthread_mutex_unlock(&b->lock);
}

void budget_give_back(struct budget *b, struct budget_ticket *ticket)
{
    budget_shrink(b, ticket, 0);
}

/* The first one in a line whose time is over, or NULL; deadlines need not be in the order of the line. */
static struct budget_ticket *overdue(const struct line *line, int64_t mono_ms)
{
    for (struct budget_ticket *t = line->first; t != NULL; t = t->next)
        if (t->deadline_ms <= mono_ms)
            return t;
    return NULL;
}

void budget_expire(struct budget *b, int64_t mono_ms)
{
    (void)pthread_mutex_lock(&b->lock);
    for (int class = 0; class < CLASSES; class ++) {
        struct line *line = &b->lines[class];
        for (;;) {
            while (b->telling != NULL)
                (void)pthread_cond_wait(&b->told, &b->lock);
            struct budget_ticket *ticket = overdue(line, mono_ms);
            if (ticket == NULL)
                break;
            line_remove(line, ticket);
            tell(b, ticket, false);
        }
    }
    serve(b); /* the line may have moved: what stood behind a refused one may fit */
    (void)pthread_mutex_unlock(&b->lock);
}
