/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `make bench`: what the scenarios share. One world (private PostgreSQL, one server), many users, some rooms with
 * messages; a scenario says what is asked, measure.c how much it costs.
 */
#ifndef CONCLAVE_TESTS_BENCH_BENCH_H
#define CONCLAVE_TESTS_BENCH_BENCH_H

#include "bench/prepared.h"
#include "integration/world.h"

enum { BENCH_ROOMS = 2, BENCH_USERS = 2000, BENCH_MESSAGES = 150 };

struct bench {
    struct world world;
    struct member admin;
    struct bench_target target;
    struct x25519_secret server_secret;  /* for the floor */
    struct bench_user *users;            /* BENCH_USERS */
    struct room_view rooms[BENCH_ROOMS]; /* their counters when nothing moves */
    pid_t postmaster;
    size_t rounds;
    size_t scale_percent; /* of each scenario's requests; less for a quick look */
};

struct scenario {
    const char *name;
    const char *what; /* one line for people */
    size_t requests;  /* per round */
    size_t connections;
    int code; /* of the inner reply */
    /* Writes request n of a round into *ret_request; text lives in body (emptied before). */
    enum err (*request)(const struct bench *b, size_t n, struct buf *body,
                        struct bench_request *ret_request);
    /* True when the body of a sampled reply is what the scenario is about. */
    bool (*expected)(const struct onion_reply *reply);
    double target;         /* ratio that we hold ourselves to; 0: none */
    bool against_exchange; /* ratio to floor + bare exchange, else to the floor */
};

extern const struct scenario bench_scenarios[];
extern const size_t bench_scenario_count;

/* Starts everything and fills it. False: w->trouble or stderr says why. */
bool bench_open(struct bench *b);
void bench_close(struct bench *b);
/* Measures one scenario and prints its row. False: it could not be measured, or a reply was wrong. */
bool bench_measure(struct bench *b, const struct scenario *s);
void bench_print_head(const struct bench *b);

#endif
