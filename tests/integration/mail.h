/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of direct messages share: one world of two servers and a path of three relays,
 * people whom no server has seen yet, and requests in one line each. What fails here fails the
 * test. One thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_MAIL_H
#define CONCLAVE_TESTS_INTEGRATION_MAIL_H

#include "client/community_dms.h"
#include "integration/world.h"

struct db;

/* Across processes, and for the job, which looks every 10 s. */
enum { MAIL_SEEN_WITHIN_MS = 1000, MAIL_GONE_WITHIN_MS = 15000 };

extern struct world mail_world;
/* Set-up and tear-down of a group. */
int mail_world_open(void **state);
int mail_world_close(void **state);
/* A server with other settings: one at a time, always in the same place; its index. */
size_t mail_other_server(const char *const *env);

struct mail_person {
    struct account account;
    struct server_link *link;
    struct community community;
};
/* A new account at a server. */
void mail_meet(struct mail_person *p, size_t server, bool through_relays);
void mail_part(struct mail_person *p);

/* Three people whom no server has seen yet, in a world without messages. */
struct mail_cast {
    struct mail_person ana, ben, carl;
    struct db *db;
};
void mail_cast_open(struct mail_cast *c, size_t ana_at, size_t ben_at, bool through_relays);
void mail_cast_close(struct mail_cast *c);

/* Authenticates once, which is what makes somebody reachable. */
void mail_show_up(struct mail_person *m);
/* Asks, and says the code; the body goes to ret_body as text when that is not NULL. */
int mail_ask(struct mail_person *m, const char *method, const char *target, const char *json,
             enum signing signing, char *ret_body, size_t size);
/* Sends; the id. */
int64_t mail_send(struct mail_person *from, const struct mail_person *to, const char *text);
/* The rows of a box above an id; how many. */
size_t mail_read(struct mail_person *m, enum mail_box box, int64_t since, json_t **ret_rows);
size_t mail_count(struct mail_person *m, enum mail_box box, int64_t since);
/* The row opens for m, was written by that account and says this. */
void mail_assert_text(const struct mail_person *m, const json_t *row, const struct account *author,
                      const char *text);
/* Statements that requests have cost a server so far. */
double mail_sql(size_t server);
/* One desktop poll of the lobby with inbox and outbox. */
void mail_poll(struct mail_person *m);

#endif
