/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Marks are rows among the nonces: unique, without any meaning, and forgotten with their day.
 */
#include "store/outcome.h"

#include "base/clock.h"
#include "crypto/keys.h"
#include "store/internal.h"

const struct statement outcome_statements[] = {
    {"outcome.mark", "INSERT INTO nonces (day, nonce)"
                     "VALUES ($1, $2)"},
    /* PostgreSQL asks whether it may write before it looks for rows. */
    {"outcome.probe", "UPDATE server"
                      "   SET welcomed = welcomed"
                      " WHERE false"},
    STATEMENTS_END,
};

enum err outcome_mark(struct db *db, int64_t now_ms, struct nonce_key *ret_mark)
{
    struct nonce_key mark = {.day = now_ms / DAY_MS};
    crypto_random(mark.b, sizeof(mark.b));
    enum err e =
        DB_RUN(db, "outcome.mark", NULL, PARAM_I32(mark.day), PARAM_BYTES(SPAN_OF_KEY(&mark)));
    if (e == OK)
        *ret_mark = mark;
    return e;
}

enum err outcome_find(struct db *db, const struct nonce_key *mark, bool *ret_committed)
{
    /* Whoever claims it second waits for the first: we lose exactly if the transaction has committed. */
    enum err e = nonces_claim(db, mark);
    if (e != OK && e != ERR_TOO_EARLY)
        return e;
    *ret_committed = e == ERR_TOO_EARLY;
    return OK;
}

enum err outcome_probe(struct db *db, int64_t now_ms, bool with_row)
{
    struct nonce_key mark;
    return with_row ? outcome_mark(db, now_ms, &mark) : db_run(db, "outcome.probe", NULL, 0, NULL);
}
