/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose database this is, and the locks by which processes agree on who does what. Its statements
 * are not prepared: it is asked before there is any table.
 */
#include "store/server.h"

#include <string.h>

#include "base/clock.h"
#include "store/internal.h"

/*
 * The class of our advisory locks ("Conc"); migrations use 1131376227 too, with number 3 for
 * partitions.
 */
enum { ADVISORY_CLASS = 1131376227, ADVISORY_POLL_MS = 100 };

enum err server_public_key(struct db *db, struct x25519_pub *ret_key)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    enum err e = db_query(db, "SELECT to_regclass('conclave.server') IS NOT NULL", NULL, 0, &rows);
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row) || !row_bool(&row, 0))
        return ERR_MISSING;
    e = db_query(db, "SELECT public_key FROM conclave.server", NULL, 0, &rows);
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row))
        return ERR_MISSING;
    struct x25519_pub key = {{0}};
    row_key(&row, 0, key.b, sizeof key.b);
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    *ret_key = key;
    return OK;
}

enum err server_record_key(struct db *db, const struct x25519_pub *key)
{
    /* The first time to trust is that of the server's birth: a clock that jumps then is noticed. */
    enum err e = DB_QUERY(db,
                          "INSERT INTO conclave.server (public_key, trusted_s)"
                          "VALUES ($1, floor(extract(epoch FROM clock_timestamp())))"
                          "    ON CONFLICT DO NOTHING",
                          NULL, PARAM_BYTES(SPAN_OF_KEY(key)));
    struct x25519_pub recorded;
    if (e == OK)
        e = server_public_key(db, &recorded);
    if (e != OK)
        return e;
    return span_eq(SPAN_OF_KEY(key), SPAN_OF_KEY(&recorded)) ? OK : ERR_CONFLICT;
}

enum err server_welcomed(struct db *db, bool *ret_welcomed)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    enum err e = db_query(db, "SELECT welcomed FROM conclave.server", NULL, 0, &rows);
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row))
        return ERR_MISSING;
    bool welcomed = row_bool(&row, 0);
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    *ret_welcomed = welcomed;
    return OK;
}

enum err server_set_welcomed(struct db *db)
{
    return db_query(db, "UPDATE conclave.server SET welcomed = true", NULL, 0, NULL);
}

enum err server_holdings(struct db *db, struct span room, struct server_holdings *ret_holdings)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    /* An id that begins with ff is no account: the server that this one was taken over from. */
    enum err e = DB_QUERY(db,
                          "SELECT (SELECT count(*) FROM conclave.rooms),"
                          "       (SELECT count(*) FROM conclave.users"
                          "         WHERE admin AND get_byte(session_id, 0) <> 255),"
                          "       (SELECT token FROM conclave.rooms"
                          "         ORDER BY lower(token) = lower($1) DESC, id LIMIT 1)",
                          &rows, PARAM_TEXT(room));
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row))
        return ERR_DEFECT;
    struct server_holdings found = {.rooms = row_i64(&row, 0), .admins = row_i64(&row, 1)};
    struct span token = row_bytes(&row, 2);
    if (!rows_ok(&rows) || token.len >= sizeof(found.room_token))
        return ERR_DEFECT;
    if (token.len > 0)
        memcpy(found.room_token, token.p, token.len);
    *ret_holdings = found;
    return OK;
}

enum err server_async_standbys(struct db *db, int64_t *ret_count)
{
    return store_query_i64(db,
                           "SELECT count(*)"
                           "  FROM pg_stat_replication"
                           " WHERE application_name IS DISTINCT FROM 'pg_basebackup'"
                           "   AND state IS DISTINCT FROM 'backup'"
                           "   AND coalesce(sync_state = 'async',"
                           "                current_setting('synchronous_standby_names') = '')",
                           NULL, 0, ret_count);
}

enum err server_data_directory(struct db *db, struct arena *mem, const char **ret_path)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    struct span path;
    /* The view leaves out what the role may not see; SHOW would be an error. */
    enum err e = db_query(db, "SELECT setting || '' FROM pg_settings WHERE name = 'data_directory'",
                          NULL, 0, &rows);
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row) || row_is_null(&row, 0))
        return ERR_MISSING;
    if (!row_dup(&row, 0, mem, &path))
        return ERR_NO_MEMORY;
    char *text = arena_alloc(mem, path.len + 1);
    if (text == NULL || !rows_ok(&rows))
        return text == NULL ? ERR_NO_MEMORY : ERR_DEFECT;
    memcpy(text, path.p, path.len);
    text[path.len] = '\0';
    *ret_path = text;
    return OK;
}

static enum err ask_lock(struct db *db, const char *sql, enum advisory which, bool *ret_answer)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_QUERY(db, sql, &rows, PARAM_I32(ADVISORY_CLASS), PARAM_I32(which));
    if (e != OK)
        return e;
    struct row row;
    if (!rows_next(&rows, &row))
        return ERR_DEFECT;
    *ret_answer = row_bool(&row, 0);
    return rows_ok(&rows) ? OK : ERR_DEFECT;
}

static enum err try_lock(struct db *db, const char *sql, enum advisory which)
{
    bool held;
    enum err e = ask_lock(db, sql, which, &held);
    if (e != OK)
        return e;
    return held ? OK : ERR_CONFLICT;
}

enum err advisory_try(struct db *db, enum advisory which)
{
    return try_lock(db, "SELECT pg_try_advisory_lock($1::int, $2::int)", which);
}

enum err advisory_try_shared(struct db *db, enum advisory which)
{
    return try_lock(db, "SELECT pg_try_advisory_lock_shared($1::int, $2::int)", which);
}

/* By asking again: a blocking wait would end with the connection's lock_timeout. */
enum err advisory_wait(struct db *db, enum advisory which)
{
    for (;;) {
        enum err e = advisory_try(db, which);
        if (e != ERR_CONFLICT)
            return e;
        clock_sleep_ms(ADVISORY_POLL_MS);
    }
}

enum err advisory_release(struct db *db, enum advisory which)
{
    bool was_held;
    enum err e = ask_lock(db, "SELECT pg_advisory_unlock($1::int, $2::int)", which, &was_held);
    if (e != OK)
        return e;
    return was_held ? OK : ERR_MISSING;
}
