/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs attacks one after the other and judges each by what members felt.
 */
#ifndef CONCLAVE_TESTS_ATTACK_SUITE_H
#define CONCLAVE_TESTS_ATTACK_SUITE_H

#include <stdio.h>

#include "attack/attack.h"
#include "attack/members.h"

enum { SUITE_SECONDS = 15, SUITE_SHORT_SECONDS = 2 };

struct suite_options {
    int seconds;      /* of quiet, and as many of the attack */
    const char *only; /* a name, or the beginning of names: C3 for C3a, C3b, C3c; NULL: all */
    bool is_short;    /* those of `make test`, with smaller counts */
    bool verbose;     /* what each kind of request took, too */
    FILE *table;      /* the same lines as a table for docs/hostile-load.md; NULL: none */
};

struct suite_result {
    size_t held, failed;
    struct tally quiet; /* of the last attack; in the short form it is measured once */
};

void suite_list(void);
/* False: no such attack, or the world did not open or end well; stderr says it. */
bool suite_run(const struct suite_options *o, struct suite_result *ret_result);

#endif
