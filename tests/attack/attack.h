/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One attack: what is prepared, what is sent, and what must be true afterwards beside members'
 * latencies.
 */
#ifndef CONCLAVE_TESTS_ATTACK_ATTACK_H
#define CONCLAVE_TESTS_ATTACK_ATTACK_H

#include "attack/stage.h"
#include "attack/weapon.h"

enum { ATTACK_WHY_MAX = 200 };

struct attack {
    const char *name; /* the finding's, with a letter where there are several forms */
    const char *what; /* one line for people */
    bool in_short;    /* a part of `make test` */
    bool
        renews; /* the server starts anew before it: what it counted in earlier attacks would hide this one */
    /* Puts into the database what it takes, and makes what is sent. False: stderr says why. */
    bool (*prepare)(struct stage *s, struct weapon *w);
    /*
     * After the attack; false: it succeeded, *ret_why says at what. NULL: members' requests tell
     * everything.
     */
    bool (*check)(struct stage *s, char ret_why[static ATTACK_WHY_MAX]);
};

/* Each ends with one without a name. */
extern const struct attack attack_connections[], attack_changes[], attack_reads[], attack_people[],
    attack_frames[];

#endif
