/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Claims of nonces, and the partitions that let whole days of them be forgotten at once.
 */
#include "store/nonces.h"

#include "base/clock.h"
#include "store/internal.h"

const struct statement nonces_statements[] = {
    /*
     * What was signed on a day whose nonces were dropped may have run before: it is refused (nonces_after_s).
     *
     * One round trip: the setting holds for the statement's own transaction. It is durable whenever a later, flushed
     * commit is, because the log is written in order; and a later write is what it protects.
     */
    {"nonces.claim", "WITH lazily AS MATERIALIZED ("
                     "    SELECT set_config('synchronous_commit', 'off', true) AS done)"
                     "INSERT INTO nonces (day, nonce)"
                     "SELECT $1, $2"
                     "  FROM lazily"
                     " WHERE NOT EXISTS (SELECT 1 FROM server WHERE nonces_after_s > $3)"
                     "    ON CONFLICT DO NOTHING"
                     " RETURNING 1::bigint"},
    {"nonces.is_claimed", "SELECT count(*)"
                          "  FROM (SELECT FROM nonces WHERE day = $1 AND nonce = $2"
                          "         UNION ALL"
                          "        SELECT FROM server WHERE nonces_after_s > $3) n"},
    /* In the order of the key, so that two batches with the same nonces cannot lock each other out. */
    {"nonces.claim_many",
     "WITH input AS MATERIALIZED ("
     "    SELECT DISTINCT ON (day, nonce) day::integer AS day, nonce, ordinal"
     "      FROM unnest($1::bigint[], $2::bytea[], $3::bigint[]) WITH ORDINALITY"
     "           AS t (day, nonce, signed_s, ordinal)"
     "     WHERE NOT EXISTS (SELECT 1 FROM server WHERE nonces_after_s > signed_s)"
     "     ORDER BY day, nonce, ordinal),"
     "won AS ("
     "    INSERT INTO nonces (day, nonce)"
     "    SELECT day, nonce"
     "      FROM input"
     "     ORDER BY day, nonce"
     "        ON CONFLICT DO NOTHING"
     "     RETURNING day, nonce)"
     "SELECT ordinal - 1"
     "  FROM input"
     "  JOIN won USING (day, nonce)"},
    {"nonces.add_days",
     "SELECT partitions_add('nonces',"
     "                      greatest($1::integer, (SELECT (nonces_after_s / 86400)::integer"
     "                                               FROM server)),"
     "                      $2)::bigint"},
    /* Before the first day goes, and committed: a claim that comes later is refused, not forgotten. */
    {"nonces.refuse_before", "UPDATE server"
                             "   SET nonces_after_s = $1"
                             " WHERE nonces_after_s < $1"},
    {"nonces.days_before", "SELECT partitions_before('nonces', $1)::bigint"},
    /* Not during a backup (ADVISORY_BACKUP), which holds the table: whoever posts would wait behind the waiting drop. */
    {"nonces.drop_day", "SELECT CASE WHEN pg_try_advisory_xact_lock(1131376227, 5)"
                        "            THEN partitions_drop('nonces', $1)::text END"},
    STATEMENTS_END,
};

static int64_t day_of(const struct nonce_key *nonce)
{
    enum { DAY_S = 24 * 60 * 60 };
    return nonce->signed_s / DAY_S - (nonce->signed_s % DAY_S < 0);
}

enum err nonces_claim(struct db *db, const struct nonce_key *nonce)
{
    int64_t one;
    enum err e = STORE_ONE_I64(db, "nonces.claim", &one, PARAM_I32(day_of(nonce)),
                               PARAM_BYTES(SPAN_OF_KEY(nonce)), PARAM_I64(nonce->signed_s));
    return e == ERR_MISSING ? ERR_TOO_EARLY : e;
}

enum err nonces_is_claimed(struct db *db, const struct nonce_key *nonce, bool *ret_claimed)
{
    int64_t count = 0;
    enum err e = STORE_ONE_I64(db, "nonces.is_claimed", &count, PARAM_I32(day_of(nonce)),
                               PARAM_BYTES(SPAN_OF_KEY(nonce)), PARAM_I64(nonce->signed_s));
    if (e == OK)
        *ret_claimed = count > 0;
    return e;
}

enum err nonces_claim_many(struct db *db, struct arena *mem, const struct nonce_key *nonces,
                           size_t count, bool *ret_won)
{
    int64_t *days = ARENA_ARRAY(mem, count, int64_t);
    int64_t *signed_s = ARENA_ARRAY(mem, count, int64_t);
    struct span *values = ARENA_ARRAY(mem, count, struct span);
    if (days == NULL || signed_s == NULL || values == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        days[i] = day_of(&nonces[i]);
        signed_s[i] = nonces[i].signed_s;
        values[i] = SPAN_OF_KEY(&nonces[i]);
    }
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "nonces.claim_many", &rows, PARAM_ARRAY(P_I64_ARRAY, days, count),
                        PARAM_ARRAY(P_BYTES_ARRAY, values, count),
                        PARAM_ARRAY(P_I64_ARRAY, signed_s, count));
    if (e != OK)
        return e;
    for (size_t i = 0; i < count; i++)
        ret_won[i] = false;
    struct row row;
    while (rows_next(&rows, &row)) {
        size_t i = (size_t)row_i64(&row, 0);
        if (i < count)
            ret_won[i] = true;
    }
    return rows_ok(&rows) ? OK : ERR_DEFECT;
}

enum err nonces_drop_days(struct db *db, int64_t keep_from)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "nonces.days_before", &rows, PARAM_I32(keep_from));
    struct row row;
    if (e == OK && rows.count > 0)
        e = DB_RUN(db, "nonces.refuse_before", NULL, PARAM_I64(keep_from * (DAY_MS / SECOND_MS)));
    /* Each in a transaction of its own: one that readers hold now does not keep the others. */
    while (e == OK && rows_next(&rows, &row)) {
        e = DB_RUN(db, "nonces.drop_day", NULL, PARAM_I32(row_i64(&row, 0)));
        if (e == ERR_RETRY)
            e = OK; /* the next round drops it */
    }
    return e;
}

enum err nonces_make_days(struct db *db, int64_t from, int64_t to)
{
    int64_t made;
    return STORE_ONE_I64(db, "nonces.add_days", &made, PARAM_I32(from), PARAM_I32(to));
}
