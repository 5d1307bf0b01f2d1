/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is killed, and when: a schedule that follows from a seed, so that a run can be repeated.
 * (What the load is doing at those moments cannot be repeated; that is why there are many of them.)
 */
#ifndef CONCLAVE_TESTS_TORTURE_PLAN_H
#define CONCLAVE_TESTS_TORTURE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

/* Numbers from a seed; not for secrets. */
struct dice {
    uint64_t state;
};
uint64_t dice_roll(struct dice *d);
/* 0 .. n-1; n > 0. */
uint64_t dice_below(struct dice *d, uint64_t n);

enum kill_kind {
    KILL_SERVER,     /* one server process */
    KILL_SERVERS,    /* both, one right after the other */
    KILL_DATABASE,   /* the whole of PostgreSQL, as a power cut would */
    KILL_BACKEND,    /* one of its processes: PostgreSQL ends all others and recovers by itself */
    KILL_EVERYTHING, /* PostgreSQL and both servers */
    KILL_KINDS
};
extern const char *const kill_names[KILL_KINDS];

struct blow {
    enum kill_kind kind;
    uint32_t delay_ms; /* from the moment when everything is well */
    uint32_t which;    /* which server, which backend: taken modulo their number */
};
struct blow plan_next(struct dice *d);
/*
 * How far a clock is ahead after the next jump, in seconds: as often as not by so little that
 * signed requests are still accepted, else anything from two days back to forty days ahead.
 */
int64_t plan_jump(struct dice *d);
/* A server whose clock is so far ahead takes requests that were signed by the right time. */
bool plan_accepts(int64_t ahead_s);

#endif
