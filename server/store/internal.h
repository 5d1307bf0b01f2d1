/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of store/ share: small helpers that every noun needs. Nobody outside of this room
 * includes it.
 */
#ifndef CONCLAVE_STORE_INTERNAL_H
#define CONCLAVE_STORE_INTERNAL_H

#include "store/store.h"
#include "store/versions.h"

/* Runs a statement that returns one bigint; ERR_MISSING without a row. */
MUST_USE enum err store_one_i64(struct db *db, const char *statement, const struct param *params,
                                size_t count, int64_t *ret_value);
#define STORE_ONE_I64(db, name, ret, ...)                                                          \
    store_one_i64((db), (name), (const struct param[]){__VA_ARGS__},                               \
                  sizeof((const struct param[]){__VA_ARGS__}) / sizeof(struct param), (ret))
/* The same for text of ours that is not prepared. */
MUST_USE enum err store_query_i64(struct db *db, const char *sql, const struct param *params,
                                  size_t count, int64_t *ret_value);

/*
 * Reads all rows into an array of mem: one call of read per row fills one (zeroed) element; false:
 * no memory. ERR_NO_MEMORY at the arena's end; ERR_DEFECT when a column is not what read asked for.
 */
typedef bool (*store_reader)(const struct row *row, struct arena *mem, void *element);
MUST_USE enum err store_read_all(struct rows *rows, struct arena *mem, size_t element_size,
                                 store_reader read, void **ret_elements, size_t *ret_count);
/*
 * A copy of a text or bytea column that outlives its rows; NULL stays {NULL, 0}. False: no memory.
 */
MUST_USE bool row_dup(const struct row *row, int column, struct arena *mem, struct span *ret_copy);

/* A store_reader of struct user_row: id, session_id, banned, moderator, admin, visible_mod. */
bool users_read_row(const struct row *row, struct arena *mem, void *element);

struct param param_tristate(enum tristate t);
/* NULL for a span without an address, or for 0. */
struct param param_bytes_or_null(struct span s);
struct param param_i64_or_null(int64_t value);
enum tristate row_tristate(const struct row *row, int column);
/* What may be NULL: then `absent`. */
int64_t row_i64_or(const struct row *row, int column, int64_t absent);
double row_f64_or(const struct row *row, int column, double absent);

/* Raises one version, in the caller's transaction; or that of the rights of several rooms. */
MUST_USE enum err versions_bump(struct db *db, enum version_scope scope, int64_t id);
MUST_USE enum err versions_bump_rights(struct db *db, const int64_t *rooms, size_t count);

/* Deletes the rows of permissions of that user that say nothing any more (permissions.c). */
MUST_USE enum err permissions_tidy(struct db *db, int64_t user, const int64_t *rooms, size_t count);
/*
 * After rows were made, under the rooms' locks. ERR_TOO_LARGE: one has more than PERMISSIONS_MAX.
 */
MUST_USE enum err permissions_check_room(struct db *db, const int64_t *rooms, size_t count);
/*
 * info_updates +1 in every room: a global role came, went or changed (roles.c). Under the locks of
 * all rooms.
 */
MUST_USE enum err roles_info_all(struct db *db);

#endif
