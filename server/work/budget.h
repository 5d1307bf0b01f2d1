/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The byte budget of requests and replies ([memory] bodies): one sum that is never exceeded, in
 * three classes with a ceiling each, so that no kind of caller can use up what the others need.
 *
 * - Small bodies are charged as they arrive and may use everything. A quarter of the budget, the
 *   reserve, is theirs alone.
 * - A large body is charged whole before it is read. While less than half of their share is in use,
 *   it is admitted on its word; beyond, only once the kernel holds its first bytes, so that
 *   announcing a body reserves nothing.
 * - Working memory is what a request needs beside its body: arenas of queued requests, large
 *   replies, downloads. It may use at most half of the budget, and strangers half of that.
 *
 * Who cannot be served at once waits in the line of its class, first come, first served.
 */
#ifndef CONCLAVE_WORK_BUDGET_H
#define CONCLAVE_WORK_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct budget;
struct metrics;

enum budget_kind {
    BUDGET_SMALL,
    BUDGET_LARGE,
    BUDGET_KINDS,
};

/*
 * One reservation under way or held. Caller's storage, zeroed; stays put until given back or
 * cancelled.
 */
struct budget_ticket {
    struct budget_ticket *next, *prev; /* the waiting line */
    enum budget_kind kind;             /* of its body; constant after the first call */
    uint64_t body;                     /* held for the body */
    uint64_t working;                  /* held beside it */
    uint64_t wanted;                   /* waits for so much more of its class */
    bool stranger;                     /* whose working memory it is */
    int64_t deadline_ms;               /* monotonic; past it `granted` is called with false */
    /*
     * BUDGET_LARGE: whether its first bytes have arrived; NULL counts as yes. Called with the
     * budget's lock held; quick. What has not arrived by arrive_by_ms is refused.
     */
    bool (*arriving)(const struct budget_ticket *ticket);
    int64_t arrive_by_ms;
    bool arrived;
    /* On any thread, without the budget's lock held. */
    void (*granted)(struct budget_ticket *ticket, bool yes);
    void *owner;
};

MUST_USE enum err budget_new(uint64_t ceiling_bytes, struct metrics *metrics,
                             struct budget **ret_budget);
void budget_free(struct budget *b);
/*
 * Charges more to the ticket's class. OK: held now. ERR_RETRY: in line; granted() will be called
 * exactly once, unless cancelled. ERR_TOO_LARGE: the ticket would hold more than the whole budget.
 * The caller has set class, deadline_ms, granted, owner, and for a large one arriving and
 * arrive_by_ms.
 */
MUST_USE enum err budget_take(struct budget *b, struct budget_ticket *ticket, uint64_t bytes);
/*
 * Charges working memory, without waiting; for a stranger or a member as the first call says.
 * ERR_BUSY when there is none.
 */
MUST_USE enum err budget_grow(struct budget *b, struct budget_ticket *ticket, uint64_t bytes,
                              bool stranger);
/*
 * Keeps at most so much of each, gives back the rest, and leaves the line: after it returns,
 * granted() is not called.
 */
void budget_keep(struct budget *b, struct budget_ticket *ticket, uint64_t body, uint64_t working);
void budget_give_back(struct budget *b, struct budget_ticket *ticket);
/*
 * Called by a timer several times a second: refuses those whose time is over, admits those whose
 * bytes have arrived.
 */
void budget_tick(struct budget *b, int64_t mono_ms);
/* Three quarters of the working memory are in use. Any thread, without a lock. */
bool budget_is_short(const struct budget *b);
/* Bytes held of all classes. Any thread, without a lock. */
uint64_t budget_used(const struct budget *b);

#endif
