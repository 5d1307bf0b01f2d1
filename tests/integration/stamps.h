/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Milliseconds of messages, as the three apps take them from `posted`: the double times 1000, cut.
 * Collected by many threads, looked at by one. What fails here fails the test.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_STAMPS_H
#define CONCLAVE_TESTS_INTEGRATION_STAMPS_H

#include <jansson.h>
#include <pthread.h>
#include <stdint.h>

enum { STAMPS_MAX = 8192 };

struct stamps {
    pthread_mutex_t lock; /* guards the others */
    int64_t ms[STAMPS_MAX];
    size_t count;
};

/* The millisecond of a row under that key, posted or posted_at; 0: it has no such number. */
int64_t stamp_of(const json_t *row, const char *key);
/* Any thread. */
void stamps_add(struct stamps *s, int64_t ms);
/* How many there are of which another is equal; sorts them. */
size_t stamps_shared(struct stamps *s);

#endif
