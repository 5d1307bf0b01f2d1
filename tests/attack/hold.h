/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many connections that say something and then nothing, and read nothing: silent ones, bodies that
 * are announced and do not come, readers that do not read. Those that the server ends are opened
 * again. One thread, epoll.
 */
#ifndef CONCLAVE_TESTS_ATTACK_HOLD_H
#define CONCLAVE_TESTS_ATTACK_HOLD_H

#include "base/buf.h"
#include "client/address.h"

enum { OTHER_EVERY = 16 };

struct hold_plan {
    size_t connections;
    struct span head;       /* sent on each, once; borrowed */
    struct span other_head; /* instead of it on one in OTHER_EVERY; borrowed; empty: none */
    double opening_per_s;   /* as many connections a second until all are open */
    double bytes_per_s;     /* of heads from then on; 0: as many a second as in the beginning */
    struct span drip;       /* sent again and again on each after the head; borrowed */
    int drip_every_ms;      /* 0: never */
    int receive_bytes;      /* of the sockets' buffers; 0: the system's choice */
};

struct hold_sums {
    size_t opened, ended, failed; /* failed: could not connect */
    size_t most;                  /* open at one time */
    uint64_t sent_bytes;
};

/* Until the process is ended. *sums changes as it goes on. ERR_NO_MEMORY: cannot begin. */
MUST_USE enum err hold_run(const struct address *at, const struct hold_plan *plan,
                           struct hold_sums *sums);

#endif
