/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an attack takes place: a private PostgreSQL, one server with the limits that an operator
 * gets by default, three relays, rooms with messages, and identities of the attacker that have
 * waited until they are known. One thread.
 */
#ifndef CONCLAVE_TESTS_ATTACK_STAGE_H
#define CONCLAVE_TESTS_ATTACK_STAGE_H

#include "bench/prepared.h"
#include "client/file_client.h"
#include "integration/world.h"

enum {
    STAGE_ROOMS = 63,   /* lobby, and r1 to r62 */
    STAGE_MEMBERS = 24, /* accounts of the world */
    STAGE_AGED = 80,    /* the attacker's identities that count as members */
    STAGE_KNOWN_AFTER_MS = 2000,
};

struct stage {
    struct world world;
    struct bench_target target;
    struct bench_user aged[STAGE_AGED];
    int64_t oldest;                    /* message of the lobby, which lies behind memory */
    int64_t room_file;                 /* of the lobby */
    char public_file[FILE_ID_MAX + 1]; /* of the file server, 1 MB */
    int64_t start_took_ms;             /* the last start of the server */
    bool is_short;                     /* counts are smaller: no million rows */
};

/* False: stderr says why. */
bool stage_open(struct stage *s, bool is_short);
/* False: the server did not end well. */
bool stage_close(struct stage *s);
/* The server starts anew, without what it has counted, and everybody is known again. */
bool stage_renew(struct stage *s);
/* For members and relays, where we may: they have machines of their own. */
int stage_nice(void);
/* Text of ours to the database. */
bool stage_sql(const struct stage *s, const char *sql);
/*
 * Members ask once, and so do the attacker's aged identities; then all wait until they are known.
 */
bool stage_settle(struct stage *s);
/* Sends them all, each once. False: one was not answered. */
bool stage_send(const struct stage *s, const struct prepared *requests, size_t count,
                size_t connections);
/*
 * One request of somebody, its inner code; 0: no answer. user NULL: unsigned. ret_body may be NULL.
 */
int stage_ask(const struct stage *s, const struct bench_user *user,
              const struct bench_request *request, struct buf *ret_body);

#endif
