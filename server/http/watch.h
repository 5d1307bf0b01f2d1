/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deadlines, and room for new connections. libmicrohttpd's own time-out is per activity, so one
 * byte a second lives for ever; here every open connection is looked at about once a second, and
 * one that is over its time is shut down. When nearly as many are open as may be, the longest idle
 * ones are, those first that never carried a member's request. libmicrohttpd then sees them end and
 * cleans up as after any lost client.
 */
#ifndef CONCLAVE_HTTP_WATCH_H
#define CONCLAVE_HTTP_WATCH_H

#include "base/attr.h"
#include "base/err.h"

struct budget;
struct conn;
struct metrics;
struct watch;

/* connections_max: what the listener takes; idle ones are closed before it is reached. */
MUST_USE enum err watch_new(struct budget *budget, struct metrics *metrics,
                            unsigned connections_max, struct watch **ret_watch);
/* Stops the timer; no connection may be left. */
void watch_free(struct watch *watch);
/* NULL without memory. */
struct conn *watch_add(struct watch *watch, int fd);
/* Before the descriptor is closed. */
void watch_remove(struct watch *watch, struct conn *conn);

#endif
