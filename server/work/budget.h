/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The byte budget for bodies and replies (design D14, [memory] bodies): one number that can never be passed. Whoever must
 * wait is told when it is its turn; small ones are not starved by large ones and the other way round (first come first
 * served within a class, a reserve for small bodies).
 */
#ifndef CONCLAVE_WORK_BUDGET_H
#define CONCLAVE_WORK_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/attr.h"

struct budget;
struct metrics;

/* One reservation under way or held. Caller's storage, zeroed; stays put until given back or cancelled. */
struct budget_ticket {
    struct budget_ticket *next, *prev; /* the waiting line */
    uint64_t bytes;                    /* held */
    uint64_t wanted;
    int64_t deadline_ms; /* monotonic; past it `granted` is called with false */
    void (*granted)(struct budget_ticket *ticket,
                    bool yes); /* on any thread, without the budget's lock held */
    void *owner;
};

MUST_USE enum err budget_new(uint64_t ceiling_bytes, struct metrics *metrics,
                             struct budget **ret_budget);
void budget_free(struct budget *b);
/*
 * OK: held now. ERR_RETRY: in line; granted() will be called exactly once, unless cancelled. ERR_TOO_LARGE: more than the
 * whole budget. ticket->granted, owner and deadline_ms are set by the caller.
 */
MUST_USE enum err budget_take(struct budget *b, struct budget_ticket *ticket, uint64_t bytes);
/* Takes more for one that holds already, without waiting. ERR_BUSY when there is none. */
MUST_USE enum err budget_grow(struct budget *b, struct budget_ticket *ticket, uint64_t more_bytes);
/* Gives back part, or leaves the line: after it returns, granted() is not called (any more). */
void budget_shrink(struct budget *b, struct budget_ticket *ticket, uint64_t bytes_to_keep);
void budget_give_back(struct budget *b, struct budget_ticket *ticket);
/* Called by a timer: refuses those whose deadline passed. */
void budget_expire(struct budget *b, int64_t mono_ms);

#endif
