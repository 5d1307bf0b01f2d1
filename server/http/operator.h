/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operator listener: /health/live, /health/ready, /metrics. Aggregates only; never on the
 * public port.
 */
#ifndef CONCLAVE_HTTP_OPERATOR_H
#define CONCLAVE_HTTP_OPERATOR_H

#include "base/err.h"
#include "base/attr.h"

#include <stdbool.h>

struct buf;
struct metrics;
struct operator_listener;

/* What is not ready, in words of ours: "database", and why: "refused" (or NULL). */
struct operator_unready {
    const char *part, *reason;
};

struct operator_options {
    const char *listen; /* "unix:/path", "host:port" or "off" */
    struct metrics *metrics;
    /*
     * Would a request be served now, a write too? It must not wait. Appends a line for each thing
     * that is in doubt, also while it would.
     */
    bool (*ready)(void *arg, struct operator_unready *ret_unready, struct buf *reasons);
    void (*measure)(void *arg); /* brings gauges up to date before /metrics; may be NULL */
    void *arg;
};
/*
 * OK with *ret = NULL for "off". ERR_BUSY: cannot listen there. A stale unix socket is replaced, a
 * live one is not.
 */
MUST_USE enum err operator_open(const struct operator_options *options,
                                struct operator_listener **ret_listener);
void operator_close(struct operator_listener *op);

#endif
