/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Elements of a batch whose writes are under way: they reach the writer one right after the other,
 * and so share a commit, instead of each waiting for the one before. One thread starts and finishes
 * them.
 */
#ifndef CONCLAVE_ROUTER_BATCH_TOGETHER_H
#define CONCLAVE_ROUTER_BATCH_TOGETHER_H

#include <pthread.h>

#include "router/dispatch.h"

/* Under way at a time, among other people's: the writer's queue is shared. */
enum { BATCH_TOGETHER_MAX = 64 };

struct batch_together {
    struct call outer; /* the batch's call, for elements that may finish later */
    struct call *calls[BATCH_TOGETHER_MAX];
    size_t count;
    pthread_mutex_t lock; /* guards done */
    pthread_cond_t changed;
    size_t done;
};

void batch_together_init(struct batch_together *t, const struct call *outer);
/* Nothing is under way any more. */
void batch_together_done(struct batch_together *t);
/*
 * Begins an element. *ret_started: it is under way; else reply is complete. Not when there are
 * BATCH_TOGETHER_MAX already. Errors as dispatch_element.
 */
MUST_USE enum err batch_together_start(struct batch_together *t, const struct request *req,
                                       struct reply *reply, bool *ret_started);
/*
 * Until all that is under way is done; then each is to be finished (dispatch_finish), and count set
 * to 0.
 */
void batch_together_wait(struct batch_together *t);

#endif
