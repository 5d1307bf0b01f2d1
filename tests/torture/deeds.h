/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One signed request of the load, from its bytes to its fate.
 */
#ifndef CONCLAVE_TESTS_TORTURE_DEEDS_H
#define CONCLAVE_TESTS_TORTURE_DEEDS_H

#include "torture/load.h"

enum { DEED_TARGET_MAX = 128 };

struct deed {
    const char *method;
    char target[DEED_TARGET_MAX];
    json_t *json;     /* borrowed; NULL: body */
    struct span body; /* raw bytes; empty with json NULL: none */
    int done;         /* the code that acknowledges it */
    bool atomic;      /* its claim and its effect are one transaction: "replayed" means "done" */
};

/*
 * To that server, the same bytes again until its fate is known or the time is over. FATE_DONE:
 * *ret_answer (may be NULL) is its JSON. Any code but done, 425 and 503 is complained about.
 */
enum fate deed_do(struct person *p, const struct deed *deed, size_t server, enum again again,
                  int64_t deadline_ms, json_t **ret_answer);

#endif
