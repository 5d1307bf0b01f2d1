/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One lock, three sums, two waiting lines. While a large body waits, small ones keep to their
 * reserve, so that what is given back reaches the large one in the end.
 */
#include "work/budget.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "metrics/metrics.h"

enum {
    /* One part in so many is kept for small bodies. */
    RESERVE_PART = 4,
    /* One part in so many is the ceiling of working memory: 128 MB of 256 are 140 downloads. */
    WORKING_PART = 2,
    /* One part of it in so many is the ceiling of strangers. */
    STRANGERS_PART = 2,
    /* Large bodies are asked whether they arrive once this part of their share is in use. */
    TRUSTED_PART = 2,
    /* Waiting bodies that are asked in one tick: it is a system call each. */
    ASKED_MAX = 512,
};

struct line {
    struct budget_ticket *first, *last;
    size_t arrived; /* tickets of the line */
    uint64_t used;
};

struct budget {
    pthread_mutex_t lock; /* guards all below but the last two, which are only written under it */
    pthread_cond_t told;  /* `telling` changed */
    uint64_t ceiling;
    uint64_t reserve;
    struct line lines[BUDGET_KINDS];
    uint64_t working, strangers_working; /* the second is part of the first */
    /*
     * The ticket whose granted() runs now, without the lock; one at a time, so that cancelling can
     * wait for it.
     */
    struct budget_ticket *telling;
    pthread_t teller;
    struct metrics *metrics; /* may be NULL */
    atomic_bool is_short;
    _Atomic uint64_t used_now;
};

/* ---- what fits ---- */

static uint64_t used(const struct budget *b)
{
    return b->lines[BUDGET_SMALL].used + b->lines[BUDGET_LARGE].used + b->working;
}

/* All that large bodies and working memory may have together. */
static uint64_t shared(const struct budget *b)
{
    return b->ceiling - b->reserve;
}

static bool is_trusted(const struct budget *b, uint64_t bytes)
{
    return b->lines[BUDGET_LARGE].used + bytes <= shared(b) / TRUSTED_PART;
}

static bool fits(const struct budget *b, enum budget_kind kind, uint64_t bytes)
{
    const struct line *line = &b->lines[kind];
    if (bytes > b->ceiling - used(b))
        return false;
    /* Only a large body that could be admitted makes small ones wait. */
    if (kind == BUDGET_SMALL)
        return line->used + bytes <= b->reserve || b->lines[BUDGET_LARGE].arrived == 0;
    /* One that is larger than the shared part may still come alone. */
    return line->used + b->working + bytes <= shared(b) || (line->used == 0 && bytes > shared(b));
}

static bool working_fits(const struct budget *b, uint64_t bytes, bool stranger)
{
    uint64_t most = b->ceiling / WORKING_PART;
    uint64_t own = stranger ? most / STRANGERS_PART : most;
    if (bytes > b->ceiling - used(b))
        return false;
    if (b->working == 0 && bytes > own)
        return true; /* as above */
    if (stranger && b->strangers_working + bytes > own)
        return false;
    return b->working + bytes <= most &&
           b->lines[BUDGET_LARGE].used + b->working + bytes <= shared(b);
}

static void account(struct budget *b, struct budget_ticket *ticket, uint64_t body, uint64_t working)
{
    struct line *line = &b->lines[ticket->kind];
    line->used = line->used - ticket->body + body;
    b->working = b->working - ticket->working + working;
    if (ticket->stranger)
        b->strangers_working = b->strangers_working - ticket->working + working;
    ticket->body = body;
    ticket->working = working;
    uint64_t much = b->ceiling / WORKING_PART / 4 * 3;
    atomic_store_explicit(&b->is_short,
                          b->working > much || b->strangers_working > much / STRANGERS_PART,
                          memory_order_relaxed);
    atomic_store_explicit(&b->used_now, used(b), memory_order_relaxed);
    if (b->metrics != NULL)
        metrics_set(b->metrics, METRIC_BODY_BYTES, (int64_t)used(b));
}

/* ---- lines ---- */

static bool waits(const struct budget *b, const struct budget_ticket *ticket)
{
    return ticket->prev != NULL || ticket->next != NULL || b->lines[ticket->kind].first == ticket;
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
    line->arrived += ticket->arrived;
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
    line->arrived -= ticket->arrived;
}

/*
 * Called with the lock held; calls granted() without it. The ticket is out of its line and may be
 * gone afterwards.
 */
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

/*
 * The oldest that may be admitted. Those whose bytes have not arrived do not hold up those behind
 * them.
 */
static struct budget_ticket *next_of(const struct budget *b, enum budget_kind kind)
{
    const struct line *line = &b->lines[kind];
    if (line->arrived == 0 && !is_trusted(b, 0))
        return NULL;
    struct budget_ticket *t = line->first;
    while (t != NULL && !t->arrived && !is_trusted(b, t->wanted))
        t = t->next;
    return t;
}

/*
 * Grants whatever can be granted; lock held. Nothing to do while another thread tells: it looks
 * again itself.
 */
static void serve(struct budget *b)
{
    bool more = b->telling == NULL;
    while (more) {
        more = false;
        for (int i = 0; i < BUDGET_KINDS; i++) {
            enum budget_kind kind = (enum budget_kind)i;
            struct budget_ticket *ticket = next_of(b, kind);
            if (ticket == NULL || !fits(b, kind, ticket->wanted))
                continue;
            line_remove(&b->lines[kind], ticket);
            account(b, ticket, ticket->body + ticket->wanted, ticket->working);
            tell(b, ticket, true);
            more = true;
        }
    }
}

/* ---- the public side ---- */

enum err budget_new(uint64_t ceiling_bytes, struct metrics *metrics, struct budget **ret_budget)
{
    struct budget *b = MEM_NEW(struct budget);
    if (b == NULL)
        return ERR_NO_MEMORY;
    b->ceiling = ceiling_bytes;
    b->reserve = ceiling_bytes / RESERVE_PART;
    b->metrics = metrics;
    atomic_init(&b->is_short, false);
    atomic_init(&b->used_now, 0);
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

/* Whether it may be admitted now; if not, what it lacks is remembered in the ticket. */
static bool may_come(const struct budget *b, struct budget_ticket *ticket)
{
    bool asks = ticket->kind == BUDGET_LARGE && ticket->arriving != NULL;
    ticket->arrived = !asks || ticket->arrived;
    if (!ticket->arrived && !is_trusted(b, ticket->wanted))
        ticket->arrived = ticket->arriving(ticket);
    return ticket->arrived || is_trusted(b, ticket->wanted);
}

enum err budget_take(struct budget *b, struct budget_ticket *ticket, uint64_t bytes)
{
    enum err e = OK;
    (void)pthread_mutex_lock(&b->lock);
    if (bytes > b->ceiling - ticket->body) {
        (void)pthread_mutex_unlock(&b->lock);
        return ERR_TOO_LARGE;
    }
    ticket->wanted = bytes;
    bool first = next_of(b, ticket->kind) == NULL;
    if (may_come(b, ticket) && first && fits(b, ticket->kind, bytes)) {
        account(b, ticket, ticket->body + bytes, ticket->working);
    } else {
        line_append(&b->lines[ticket->kind], ticket);
        e = ERR_RETRY;
    }
    (void)pthread_mutex_unlock(&b->lock);
    return e;
}

enum err budget_grow(struct budget *b, struct budget_ticket *ticket, uint64_t bytes, bool stranger)
{
    enum err e = ERR_BUSY;
    (void)pthread_mutex_lock(&b->lock);
    if (ticket->working == 0)
        ticket->stranger = stranger;
    if (working_fits(b, bytes, ticket->stranger)) {
        account(b, ticket, ticket->body, ticket->working + bytes);
        e = OK;
    }
    (void)pthread_mutex_unlock(&b->lock);
    return e;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void budget_keep(struct budget *b, struct budget_ticket *ticket, uint64_t body, uint64_t working)
{
    (void)pthread_mutex_lock(&b->lock);
    while (b->telling == ticket && !pthread_equal(b->teller, pthread_self()))
        (void)pthread_cond_wait(&b->told, &b->lock);
    if (waits(b, ticket))
        line_remove(&b->lines[ticket->kind], ticket);
    account(b, ticket, less(body, ticket->body), less(working, ticket->working));
    serve(b);
    (void)pthread_mutex_unlock(&b->lock);
}

void budget_give_back(struct budget *b, struct budget_ticket *ticket)
{
    budget_keep(b, ticket, 0, 0);
}

/* ---- the timer ---- */

static bool is_overdue(const struct budget_ticket *t, int64_t mono_ms)
{
    return t->deadline_ms <= mono_ms || (!t->arrived && t->arrive_by_ms <= mono_ms);
}

/*
 * The first one in a line whose time is over, or NULL; deadlines need not be in the order of the
 * line.
 */
static struct budget_ticket *overdue(const struct line *line, int64_t mono_ms)
{
    struct budget_ticket *t = line->first;
    while (t != NULL && !is_overdue(t, mono_ms))
        t = t->next;
    return t;
}

static void look_who_arrived(struct line *line)
{
    int asked = 0;
    for (struct budget_ticket *t = line->first; t != NULL && asked < ASKED_MAX; t = t->next) {
        if (t->arrived)
            continue;
        t->arrived = t->arriving(t);
        line->arrived += t->arrived;
        asked++;
    }
}

void budget_tick(struct budget *b, int64_t mono_ms)
{
    (void)pthread_mutex_lock(&b->lock);
    look_who_arrived(&b->lines[BUDGET_LARGE]);
    for (int i = 0; i < BUDGET_KINDS; i++) {
        struct line *line = &b->lines[i];
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

bool budget_is_short(const struct budget *b)
{
    return atomic_load_explicit(&b->is_short, memory_order_relaxed);
}

uint64_t budget_used(const struct budget *b)
{
    return atomic_load_explicit(&b->used_now, memory_order_relaxed);
}
