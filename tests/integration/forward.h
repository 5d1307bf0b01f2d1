/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A TCP port of localhost whose connections are carried to a unix socket: PostgreSQL by host name,
 * without a cluster that listens on TCP ports which neighbours may use.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_FORWARD_H
#define CONCLAVE_TESTS_INTEGRATION_FORWARD_H

#include <pthread.h>
#include <stdint.h>

#include "base/err.h"
#include "base/attr.h"

enum { FORWARD_PATH_MAX = 108, FORWARD_CONNECTIONS_MAX = 64 };

struct forward {
    uint16_t port;
    /* its own */
    char path[FORWARD_PATH_MAX];
    int listener;
    pthread_t thread;
};

/*
 * Serves in a thread of its own until forward_stop. A connection that the socket refuses is closed.
 * ERR_BUSY.
 */
MUST_USE enum err forward_start(const char *path, struct forward *ret_forward);
void forward_stop(struct forward *f);

#endif
