/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The attacker's process. It has a share of the processor of its own, as it would have another
 * machine: half a core at most, and less than the others when all are busy. Started while this
 * process has one thread.
 */
#ifndef CONCLAVE_TESTS_ATTACK_ATTACKER_H
#define CONCLAVE_TESTS_ATTACK_ATTACKER_H

#include "attack/weapon.h"
#include "bench/driver.h"
#include "integration/control_group.h"

/* Written by the attacker, read by us while it works. */
struct attacker_sums {
    struct driver_result answers;
    struct hold_sums held;
};

struct attacker {
    pid_t pid; /* 0: none */
    int go_fd;
    struct attacker_sums *sums; /* shared memory */
    struct control_group group; /* version 0: it is only nice */
};

/* It waits until attacker_begin. The weapon is copied with the process. */
MUST_USE enum err attacker_start(const struct stage *s, const struct weapon *w,
                                 struct attacker *ret_attacker);
void attacker_begin(struct attacker *a);
/* Ends it; what it did. Harmless when called twice. */
struct attacker_sums attacker_stop(struct attacker *a);
/* How the attacker is kept apart here, for people. */
const char *attacker_kind(void);

#endif
