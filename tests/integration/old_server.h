/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a PySOGS leaves behind: its key, its folder with files, and its database, in SQLite or in
 * PostgreSQL. The tables are written from their descriptions (docs/protocol/community.md, 5.2),
 * without triggers: tests say the numbers that PySOGS would have drawn. Also the world that takes
 * it over, before any server runs in it. Whatever fails here fails the test. One thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_OLD_SERVER_H
#define CONCLAVE_TESTS_INTEGRATION_OLD_SERVER_H

#include "crypto/secret.h"
#include "integration/command.h"

struct db;
struct sqlite3;

struct old_server {
    struct server_keys keys;
    char folder[WORLD_PATH_MAX + 8];
    char database[256]; /* for --database */
    struct sqlite3 *file;
    struct db *db; /* NULL: SQLite */
};

/*
 * A world with accounts and a cluster, and in its folder an old server without rows but its own.
 * The world has the old server's key file, and a schema; a command needs no more.
 */
void old_open(struct old_server *o, struct world *w, size_t accounts, bool postgres);
void old_close(struct old_server *o, struct world *w);
/*
 * Another database of the same server, in SQLite at path, with nothing in it; o only lends its
 * keys.
 */
void old_fresh(const struct old_server *o, const char *path, struct old_server *ret_fresh);
/* The settings with which commands run before there is a server. */
extern const char *const old_settings[];

/* The same text for both kinds of database; format. */
void old_sql(struct old_server *o, const char *text, ...) __attribute__((format(printf, 2, 3)));
/* Bytes as a literal; valid until the eighth next call. */
const char *old_bytes(const struct old_server *o, struct span bytes);
/* A user of this id and session id, 15 (blinded) or 05, of an account of the world. */
void old_user(struct old_server *o, const struct world *w, int64_t id, size_t account,
              bool blinded);
struct id_text old_id15(const struct old_server *o, const struct world *w, size_t account);

/*
 * A message as it was posted by an account; the rest of its row is filled by old_sql. Returns what
 * clients shall get.
 */
struct old_post {
    int64_t id, room, user;
    size_t account;
    const char *text;
    int64_t seqno; /* of its creation */
};
void old_post(struct old_server *o, const struct world *w, const struct old_post *post);
/* Its deletion under that number. */
void old_delete(struct old_server *o, int64_t message, int64_t seqno);

/* A file in the folder, of size bytes that follow from its id, and its row; expiry as SQL. */
struct old_file {
    int64_t id, room, user;
    const char *message, *expiry, *name; /* SQL */
    size_t size;
};
void old_file(struct old_server *o, const struct old_file *file);
struct buf old_content(int64_t id, size_t size);

/* conclave import pysogs with more words; checks exit code and words. */
void old_import(struct old_server *o, struct world *w, const char *more, int status,
                const char *words, struct said *ret_said);

#endif
