/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts what is under way. Which element may begin before another is done is decided in batch.c.
 */
#include "router/batch_together.h"

/* On the writer's thread, perhaps before the element's start has returned. */
static void complete(struct call *call)
{
    struct batch_together *t = call->later.owner;
    (void)pthread_mutex_lock(&t->lock);
    t->done++;
    (void)pthread_cond_signal(&t->changed);
    (void)pthread_mutex_unlock(&t->lock);
}

void batch_together_init(struct batch_together *t, const struct call *outer)
{
    t->outer = *outer;
    t->outer.later.allowed = true;
    t->outer.later.complete = complete;
    t->outer.later.owner = t;
    t->count = t->done = 0;
    (void)pthread_mutex_init(&t->lock, NULL);
    (void)pthread_cond_init(&t->changed, NULL);
}

void batch_together_done(struct batch_together *t)
{
    (void)pthread_cond_destroy(&t->changed);
    (void)pthread_mutex_destroy(&t->lock);
}

enum err batch_together_start(struct batch_together *t, const struct request *req,
                              struct reply *reply, bool *ret_started)
{
    struct call *started = NULL;
    enum err e = dispatch_element_start(&t->outer, req, reply, &started);
    if (e != OK)
        return e;
    if (started != NULL)
        t->calls[t->count++] = started;
    *ret_started = started != NULL;
    return OK;
}

void batch_together_wait(struct batch_together *t)
{
    (void)pthread_mutex_lock(&t->lock);
    while (t->done < t->count)
        (void)pthread_cond_wait(&t->changed, &t->lock);
    t->done = 0;
    (void)pthread_mutex_unlock(&t->lock);
}
