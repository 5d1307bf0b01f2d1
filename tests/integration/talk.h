/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conversations for tests: a world with one member per account, rooms made and roles given by
 * command, and requests in one line each. What a test does not expect fails it here, with the
 * server's words. One thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_TALK_H
#define CONCLAVE_TESTS_INTEGRATION_TALK_H

#include "integration/world.h"

struct db;

struct talk {
    struct world w;
    struct member members[WORLD_ACCOUNTS_MAX]; /* member i has account i */
    size_t count;
};

/* servers[i] for member i; NULL: all at server 0. More environment as world_options.env. */
void talk_open(struct talk *t, size_t servers, size_t members, const char *const *env);
void talk_close(struct talk *t);
/* Another link for a member, to a server. */
void talk_move(struct talk *t, size_t member, size_t server);

/* `conclave ARGS...`, NULL-ended; must succeed. */
void talk_command(struct talk *t, const char *const *args);
/* A new room of that token; waits until server 0 serves it. */
void talk_room(struct talk *t, const char *token);
/* role: "--admin", or NULL for a moderator. room NULL: global. Waits until every server knows. */
void talk_appoint(struct talk *t, size_t member, const char *room, const char *role);
/* A new room with those two as its moderator and its admin. */
void talk_room_with_staff(struct talk *t, size_t moderator, size_t admin, const char *token);
const char *talk_id(const struct talk *t, size_t member, struct id_text *ret_text);

/* One signed request; its code. ret may be NULL; *ret is NULL when the reply is not JSON. */
int talk_ask(struct talk *t, size_t member, const char *method, const char *target,
             const json_t *body, json_t **ret);
/* The same for code 200 or 201 and JSON, whatever else fails the test. printf-like target. */
json_t *talk_get(struct talk *t, size_t member, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
json_t *talk_do(struct talk *t, size_t member, const char *method, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A request of that form must be answered with this code. */
void talk_refused(struct talk *t, size_t member, int code, const char *method, const char *format,
                  ...) __attribute__((format(printf, 5, 6)));

/* since/N of a room; query: "" or "?…". */
json_t *talk_since(struct talk *t, size_t member, const char *room, int64_t n, const char *query);
/* Has that row all that a deleted message is told with, and nothing else? */
bool talk_is_tombstone(const json_t *row);

/* Posts and returns the row / its id. */
json_t *talk_say(struct talk *t, size_t member, const char *room, const char *text);
int64_t talk_post(struct talk *t, size_t member, const char *room, const char *text);
void talk_edit(struct talk *t, size_t member, const char *room, int64_t id, const char *text);
void talk_delete(struct talk *t, size_t member, const char *room, int64_t id);
/* Adds; must be new. Returns the message's seqno. */
int64_t talk_react(struct talk *t, size_t member, const char *room, int64_t id, const char *text);
/* A post with whisper_to (member index or -1) and whisper_mods; its id. */
int64_t talk_whisper(struct talk *t, size_t member, const char *room, const char *text, int to,
                     bool mods);

int64_t talk_int(const json_t *object, const char *key);
/* The row of that id in a list, or NULL. */
const json_t *talk_row(const json_t *rows, int64_t id);
/* message_sequence and info_updates of a room. */
int64_t talk_sequence(struct talk *t, size_t member, const char *room);
int64_t talk_info(struct talk *t, size_t member, const char *room);
/* A connection to the world's database, without statements of ours. */
struct db *talk_database(const struct talk *t);

#endif
