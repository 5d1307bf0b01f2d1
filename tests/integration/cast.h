/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * People on a stage: a world with members who ask a server for things, commands, and a look into
 * the database. For tests of who may do what. Whatever fails here fails the test. One thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_CAST_H
#define CONCLAVE_TESTS_INTEGRATION_CAST_H

#include "db/db.h"
#include "integration/world.h"

enum { CAST_WAIT_MS = 15000, CAST_TEXT_MAX = 4096 };

struct cast {
    struct world w;
    struct member members[WORLD_ACCOUNTS_MAX];
    size_t count;
    struct db *db; /* without statements of ours */
};

/* Servers and members, all members at the first server; env as in world_options. */
void cast_open(struct cast *c, size_t servers, size_t members, const char *const *env);
/* Also checks that the servers end well. */
void cast_close(struct cast *c);

/* Ids as text: the blinded one, and the account's own. */
const char *id15(const struct cast *c, size_t member);
const char *id05(const struct cast *c, size_t member);

/*
 * One request with a JSON text as body (NULL: none). target is a format. Returns the code; the body
 * as JSON (NULL when it is none) goes to *ret_json, unless that is NULL. The last two are anonymous
 * ones.
 */
int ask(struct member *m, const char *method, const char *body, json_t **ret_json,
        const char *target, ...) __attribute__((format(printf, 5, 6)));
int ask_unsigned(struct member *m, const char *method, const char *body, json_t **ret_json,
                 const char *target, ...) __attribute__((format(printf, 5, 6)));
/* The same, which must be 2xx with JSON. Release it. */
json_t *must(struct member *m, const char *method, const char *body, const char *target, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Repeats a question until the code is this, or fails after CAST_WAIT_MS. Returns how long that
 * took, in ms.
 */
int64_t wait_for_code(struct member *m, int code, const char *method, const char *target);

/* A post in a room; returns its id. */
int64_t say(struct member *m, const char *room, const char *text);
/* GET /room/R. Release it. */
json_t *room_of(struct member *m, const char *room);
int64_t info_updates(struct member *m, const char *room);
bool lists(const json_t *object, const char *key, const char *id);

/*
 * A command of words separated by spaces (format); returns its exit code, with its output in c's
 * buffer.
 */
int command(struct cast *c, const char *words, ...) __attribute__((format(printf, 2, 3)));
const char *command_output(void);

/* Text of ours in the database. */
void sql(struct cast *c, const char *text, ...) __attribute__((format(printf, 2, 3)));
int64_t sql_number(struct cast *c, const char *text, ...) __attribute__((format(printf, 2, 3)));
/* All that rights and rooms are made of, as one number; people who only asked do not count. */
uint64_t contents(struct cast *c);

#endif
