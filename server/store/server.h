/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one row about this server: its public key, so that a mis-mounted key can never become a new
 * server; and the schema's migrations.
 */
#ifndef CONCLAVE_STORE_SERVER_H
#define CONCLAVE_STORE_SERVER_H

#include "base/buf.h"
#include "crypto/keys.h"
#include "store/store.h"

/* ERR_MISSING: the database is new (or has no schema). */
MUST_USE enum err server_public_key(struct db *db, struct x25519_pub *ret_key);
/* Records the key of a new database. ERR_CONFLICT: another is recorded. */
MUST_USE enum err server_record_key(struct db *db, const struct x25519_pub *key);

/*
 * Whether this server ever got ready: false until server_set_welcomed, which any start may repeat.
 */
MUST_USE enum err server_welcomed(struct db *db, bool *ret_welcomed);
MUST_USE enum err server_set_welcomed(struct db *db);

/* What is there for people to join, and who looks after it. */
struct server_holdings {
    int64_t rooms;
    int64_t admins; /* of all rooms */
    char
        room_token[65]; /* of the room asked for; else of the oldest one; empty: there is no room */
};
/* room: a token in any case, which may be empty. */
MUST_USE enum err server_holdings(struct db *db, struct span room,
                                  struct server_holdings *ret_holdings);
/*
 * Standbys whose commits are not waited for. A role that may not read pg_stat_replication sees only
 * that there are some: they count when no standby at all is synchronous.
 */
MUST_USE enum err server_async_standbys(struct db *db, int64_t *ret_count);
/*
 * Where the database keeps its data, in mem; ERR_MISSING: this role may not know (nearly always
 * so).
 */
MUST_USE enum err server_data_directory(struct db *db, struct arena *mem, const char **ret_path);

/* Where the schema stands against what this binary embeds. */
enum schema_state {
    SCHEMA_CURRENT,
    SCHEMA_EMPTY,
    SCHEMA_OLDER,
    SCHEMA_AHEAD,  /* newer, but every migration beyond ours lets this program go on serving */
    SCHEMA_NEWER,  /* and not made for this program */
    SCHEMA_FOREIGN /* hashes differ */
};
/* The states in which this binary may work with the tables. */
static inline bool schema_serves(enum schema_state state)
{
    return state == SCHEMA_CURRENT || state == SCHEMA_AHEAD;
}
MUST_USE enum err schema_state(struct db *db, enum schema_state *ret_state, int *ret_number);
/*
 * Applies what is missing, each migration in one transaction, under an advisory lock (waits for
 * another process). Waits for locks that others hold, a quarter of a second at a time, so that
 * servers of an older version go on working. progress receives one line per migration. The db must
 * be opened without store_statements (the tables may not exist). In a transaction of the caller's,
 * everything is part of that.
 */
MUST_USE enum err schema_migrate(struct db *db, int64_t now_ms, struct buf *progress);
/* The number of the newest migration that we have. */
int schema_newest(void);
/*
 * Applies the first `number` migrations to an empty schema, in the caller's transaction: what a
 * program of that version has. ERR_MISSING: we have fewer.
 */
MUST_USE enum err schema_make(struct db *db, int number, int64_t now_ms);

/* Session-level advisory locks; they end with their connection. ERR_CONFLICT: another holds it. */
enum advisory {
    ADVISORY_INIT = 1, /* `serve --init` until it has made everything, and a restore */
    ADVISORY_JOBS = 2, /* the process whose jobs work */
    ADVISORY_MIGRATE = 4,
    ADVISORY_BACKUP = 5 /* shared by backups; while it is held, no partition is dropped */
};                      /* 3: partitions, in SQL */
MUST_USE enum err advisory_try(struct db *db, enum advisory which);
/* Beside others who share it. */
MUST_USE enum err advisory_try_shared(struct db *db, enum advisory which);
MUST_USE enum err advisory_wait(struct db *db, enum advisory which);
MUST_USE enum err advisory_release(struct db *db, enum advisory which);

#endif
