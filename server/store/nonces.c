/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Claims of nonces, and the partitions that let whole days of them be forgotten at once.
 */
#include "store/nonces.h"

#include "base/clock.h"
#include "store/internal.h"

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
