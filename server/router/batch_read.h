/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The body of a batch as requests, before any of them is run.
 */
#ifndef CONCLAVE_ROUTER_BATCH_READ_H
#define CONCLAVE_ROUTER_BATCH_READ_H

#include "router/request.h"

struct arena;

struct batch_elements {
    struct request *requests; /* in mem; point into it and into the batch's body */
    size_t count;
    bool only_gets;
};

/*
 * All of them or none: one violation refuses the whole. ERR_MALFORMED, ERR_TOO_LARGE (as
 * batch_scan), ERR_NO_MEMORY.
 */
MUST_USE enum err batch_read(struct arena *mem, const struct request *batch,
                             struct batch_elements *ret_elements);

#endif
