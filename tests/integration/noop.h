/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A libmicrohttpd server that does nothing but read a body and answer, with the options of ours:
 * what the library and the machine cost by themselves, measured in the same run as the server. A
 * process of its own.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_NOOP_H
#define CONCLAVE_TESTS_INTEGRATION_NOOP_H

#include <sys/types.h>

#include "client/address.h"

struct noop {
    pid_t pid;
    struct address at;
};

/* connections: its limit. ERR_BUSY: it did not start. It ends with the thread that started it. */
MUST_USE enum err noop_start(unsigned connections, struct noop *ret_noop);
void noop_stop(struct noop *n);

#endif
