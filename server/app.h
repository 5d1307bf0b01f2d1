/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only long-lived context: everything `serve` needs, opened in order and closed in reverse.
 */
#ifndef CONCLAVE_APP_H
#define CONCLAVE_APP_H

#include <stdbool.h>

#include "base/attr.h"

struct app;
struct conf;

/* Exit codes. */
enum app_exit {
    APP_OK = 0,
    APP_FAILED = 1,
    APP_USAGE = 2,
    APP_CONFIGURATION = 3,
    APP_DATABASE = 4,
    APP_LISTEN = 5
};

/*
 * Opens everything and starts serving. Waits for a database that is away (a log line says so),
 * until stop_fd (base/stop.h) is readable. On anything but APP_OK nothing is left open, and unless
 * it was asked to stop a sentence for the operator was written to stderr. init: also `serve
 * --init`'s steps.
 */
MUST_USE enum app_exit app_open(const struct conf *conf, bool init, int stop_fd,
                                struct app **ret_app);
/* Stops accepting, finishes what is under way, closes. NULL is harmless. */
void app_close(struct app *app);

#endif
